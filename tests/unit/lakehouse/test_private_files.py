"""Files that only their owner may read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse import private_files


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    """A umask that takes nothing away."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.lstat().st_mode & 0o777


def test_a_new_folder_is_private(tmp_path: Path) -> None:
    private_files.secure_folder(tmp_path / "build")
    assert mode(tmp_path / "build") == 0o700


def test_a_folder_becomes_private_with_all_that_is_in_it(tmp_path: Path) -> None:
    build, outside = tmp_path / "build", tmp_path / "outside"
    (build / "local").mkdir(parents=True)
    outside.touch()
    (build / "link").symlink_to(outside)
    (build / "dangling").symlink_to(tmp_path / "nowhere")
    program = build / "local" / "program"
    program.touch(mode=0o777)
    (build / "local" / "data").touch(mode=0o664)
    private_files.secure_folder(build)
    assert (mode(build), mode(build / "local")) == (0o700, 0o700)
    assert (mode(program), mode(build / "local" / "data")) == (0o700, 0o600)
    assert mode(outside) == 0o666


def test_a_file_is_private_from_the_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, str]] = []
    replace = Path.replace

    def watch(partial: Path, target: Path) -> Path:
        seen.append((mode(partial), target.read_text()))
        return replace(partial, target)

    monkeypatch.setattr(Path, "replace", watch)
    path = tmp_path / "aws.env"
    path.write_text("old")
    assert mode(path) == 0o666
    private_files.write(path, "secret")
    assert seen == [(0o600, "old")], "nobody reads a half of it, nor it in a file that is open to others"
    assert (mode(path), path.read_text()) == (0o600, "secret")
    assert list(tmp_path.iterdir()) == [path]
