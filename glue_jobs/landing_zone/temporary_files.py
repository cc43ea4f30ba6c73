"""Which files of the landing zone Spark passes over for their names: as temporary, or as metadata of Parquet."""

from pathlib import PurePosixPath


def passed_over(path: str) -> str | None:
    """Return the file or folder for whose name Spark passes over a file; None if Spark reads it.

    The path begins in the landing zone. Athena passes over more: whatever begins with _, also where a = follows.
    """
    file = PurePosixPath(path)
    for place in (*reversed(file.parents), file):
        name = place.name
        hidden = name.startswith(".") or (name.startswith("_") and "=" not in name)
        temporary = hidden or name.endswith("._COPYING_")
        listed = not temporary or name.startswith(("_metadata", "_common_metadata"))  # of Parquet: listed, and not read
        if not listed or (hidden and place == file):
            return str(place)
    return None
