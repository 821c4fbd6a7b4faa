"""Finds the photos of a folder."""

import fnmatch
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

EXTENSIONS = ("jpg", "jpeg", "png", "webp", "gif", "heic", "heif", "avif")


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was when it was looked at. Another size or time means another photo."""

    path: str
    """Relative to the folder. It may hold any character, and bytes that are none, as `os.fsdecode` gives them."""
    size: int
    mtime_ns: int

    @classmethod
    def seen(cls, path: str, status: os.stat_result) -> "File":
        return cls(path, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Search:
    """What counts as a photo, and what is passed over."""

    extensions: tuple[str, ...] = EXTENSIONS
    ignored: tuple[str, ...] = ()
    """Patterns as a shell has them, for a name or for a path in the folder."""
    with_hidden: bool = False
    left_out: tuple[Path, ...] = ()
    """Folders that are not looked into."""


@dataclass(slots=True)
class Found:
    """The photos in the order of their paths, and what could not be looked into, with the reason."""

    files: list[File] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)


def find_photos(folder: Path, search: Search) -> Found:
    """Look through a folder and those below it, each once: links may lead in circles. Raises OSError for the first."""
    found = Found()
    endings = tuple(f".{extension.lower().lstrip('.')}" for extension in search.extensions)
    left_out = {os.path.realpath(path) for path in search.left_out}
    visited: set[tuple[int, int]] = set()
    waiting = [""]
    os.scandir(folder).close()
    while waiting:
        below = waiting.pop()
        try:
            status = os.stat(folder / below)
            if (status.st_dev, status.st_ino) in visited or os.path.realpath(folder / below) in left_out:
                continue
            visited.add((status.st_dev, status.st_ino))
            waiting += _look_into(folder, below, search, endings, found)
        except OSError as error:
            found.unreadable[below] = error.strerror or type(error).__name__
    found.files.sort(key=lambda file: file.path)
    return found


def _look_into(folder: Path, below: str, search: Search, endings: tuple[str, ...], found: Found) -> Iterator[str]:
    """Add the photos of one folder, and yield the folders in it."""
    with os.scandir(folder / below) as entries:
        for entry in entries:
            path = os.path.join(below, entry.name)
            if _is_passed_over(entry.name, path, search):
                continue
            try:
                if entry.is_dir():
                    yield path
                elif entry.name.lower().endswith(endings) and entry.is_file():
                    found.files.append(File.seen(path, entry.stat()))
            except OSError as error:
                found.unreadable[path] = error.strerror or type(error).__name__


def _is_passed_over(name: str, path: str, search: Search) -> bool:
    if name.startswith(".") and not search.with_hidden:
        return True
    return any(fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(path, pattern) for pattern in search.ignored)
