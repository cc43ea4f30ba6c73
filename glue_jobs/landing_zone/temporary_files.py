"""Which landing files Spark ignores because of their names: temporary files and Parquet metadata."""

from pathlib import PurePosixPath


def ignored_because_of(path: str) -> str | None:
    """Return the file or folder whose name makes Spark ignore a file; None if Spark reads it.

    The path is relative to the landing zone. Athena ignores more: all names that begin with _, even with a = later.
    """
    file = PurePosixPath(path)
    for place in (*reversed(file.parents), file):
        name = place.name
        hidden = name.startswith(".") or (name.startswith("_") and "=" not in name)
        temporary = hidden or name.endswith("._COPYING_")
        listed = not temporary or name.startswith(("_metadata", "_common_metadata"))  # Parquet metadata
        if not listed or (hidden and place == file):
            return str(place)
    return None
