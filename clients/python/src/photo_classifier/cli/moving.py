"""Moves photos into folders by category, and back. It overwrites nothing, and notes each move before it makes it."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from photo_classifier.cli.folder import File

UNDO_FILE = "classify-photos-undo.jsonl"
_MAX_NAMES = 10_000


@dataclass(frozen=True, slots=True)
class NotMoved:
    """A file that stayed where it was."""

    path: str
    reason: str


def move_photos(folder: Path, photos: Iterable[tuple[File, str]], target: Path) -> list[NotMoved]:
    """Move files, each with its category, into `target/<category>`. Return those that stayed. Raises OSError where the
    folder or its undo file cannot be written."""
    target.mkdir(parents=True, exist_ok=True)
    stayed = []
    with (target / UNDO_FILE).open("a", encoding="ascii") as undo:
        for file, category in photos:
            source = folder / file.path
            try:
                _check_inside(folder, source)
                _check_unchanged(source, file)
                _move(source, target / category, undo)
            except OSError as error:
                stayed.append(NotMoved(file.path, error.strerror or str(error)))
    return stayed


def undo_moves(undo_file: Path) -> tuple[int, list[NotMoved]]:
    """Move back what an undo file names, the last move first. Return how many were, and those that stayed.

    Raises OSError where the file cannot be read.
    """
    moved, stayed = 0, []
    for source, target in reversed(list(_moves(undo_file))):
        if not os.path.lexists(target):
            continue  # moved back before, or the move was noted and not made
        try:
            source.parent.mkdir(parents=True, exist_ok=True)
            move_without_overwriting(target, source)
            moved += 1
        except OSError as error:
            stayed.append(NotMoved(str(target), error.strerror or str(error)))
    return moved, stayed


def move_without_overwriting(source: Path, target: Path) -> None:
    """Move a file. Raises FileExistsError where something is in its place already, and other OSErrors."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        if not os.path.samefile(source, target):
            raise  # else a move that was cut off between its two halves
    except OSError:  # another disk, or one without links
        _copy(source, target)
    os.unlink(source)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reading, target.open("xb") as writing:
        try:
            shutil.copyfileobj(reading, writing, 1024 * 1024)
            writing.flush()
            os.fsync(writing.fileno())
        except OSError:
            target.unlink()
            raise
    shutil.copystat(source, target)


def _check_inside(folder: Path, path: Path) -> None:
    """Raise OSError where the folder has but a link to the file, or to a folder above it: it belongs elsewhere."""
    if path.is_symlink():
        raise OSError("is a link")
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        raise OSError("is outside of the folder, behind a link")


def _check_unchanged(path: Path, file: File) -> None:
    """Raise OSError where it is no longer the file that was answered."""
    if File.seen(file.path, os.stat(path)) != file:
        raise OSError("has changed since it was classified")


def _move(source: Path, folder: Path, undo: TextIO) -> None:
    folder.mkdir(exist_ok=True)
    for name in _free_names(source):
        target = folder / name
        if os.path.lexists(target) and not os.path.samefile(source, target):
            continue
        json.dump({"from": os.path.abspath(source), "to": os.path.abspath(target)}, undo)
        undo.write("\n")
        undo.flush()
        try:
            move_without_overwriting(source, target)
        except FileExistsError:
            continue  # it has come into being in this moment
        return
    raise OSError("there are too many files of this name")


def _free_names(source: Path) -> Iterator[str]:
    yield source.name
    for number in range(2, _MAX_NAMES):
        yield f"{source.stem} ({number}){source.suffix}"


def _moves(undo_file: Path) -> Iterator[tuple[Path, Path]]:
    for line in undo_file.read_text(encoding="ascii").splitlines():
        try:
            move = json.loads(line)
            yield Path(move["from"]), Path(move["to"])
        except (ValueError, KeyError, TypeError):
            continue  # torn: the move was not made
