"""Access to the files that Glue's `--extra-files` puts beside a job."""

from pathlib import Path

from problems import BadInputError


def read(name: str) -> str:
    """Return the text of an extra file."""
    here = Path(__file__).resolve().parent
    folders = (Path.cwd(), here, here.parent)  # the last in a checkout, where Python files are in subfolders
    for folder in folders:
        file = folder / name
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise BadInputError(
        f"{name} is in none of {', '.join(map(str, folders))}: the job needs every file of ddl/, pipeline.json and "
        "policies.json as --extra-files."
    )
