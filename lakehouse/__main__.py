"""Lets `python -m lakehouse` do what the `lakehouse` command does."""

from lakehouse.cli import main

main()
