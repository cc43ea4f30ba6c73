"""Run the `lakehouse` command as `python -m lakehouse`."""

from lakehouse.cli import main

main()
