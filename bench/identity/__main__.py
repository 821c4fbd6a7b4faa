"""What one photo costs that many clients send: paid calls for the versions that real encoders make of each, by mode.

    .venv/bin/python -m bench.identity [--photos FOLDER] [--mysql] [--seed 1] [--keep FOLDER]

Takes the JPEGs of a folder as they are; without one, makes six photos of a camera of the pictures in `samples`. All
versions of all photos are uploaded in random order, one after the other, to a new service with an empty database for
each mode. The model is one here that tells the photos apart by sight, however they are encoded. Programs that are not
here are named, and their versions left out:

    apt-get install libjpeg-turbo-progs chromium
    npm install --prefix bench/identity
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import Any

from app.models.domain import Category
from bench.identity.distances import print_distances
from bench.identity.flow import MODES, Upload, print_by_photo, print_modes, run_mode
from bench.identity.versions import ClientVersions, make_versions
from tests.support.camera_photos import SAMPLE_CATEGORIES, camera_photo, sample_pictures
from tests.support.fake_model_server import RunningFakeModels
from tests.support.mysql_server import MySQLServer, provision
from tests.support.seeing_model import SeeingModel


def read_photos(folder: Path | None) -> tuple[dict[str, bytes], dict[str, Category]]:
    """Return the photos by their names, and what each shows."""
    if folder is None:
        pictures = sample_pictures()
        made = {name: camera_photo(picture, seed) for seed, (name, picture) in enumerate(pictures.items())}
        return made, SAMPLE_CATEGORIES
    photos = {
        path.stem: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix.lower() in (".jpg", ".jpeg")
    }
    if not photos:
        sys.exit(f"no JPEG in {folder}")
    answerable = [category for category in Category if category is not Category.IDCARD]
    return photos, dict(zip(photos, cycle(answerable)))


def keep(versions: ClientVersions, folder: Path) -> None:
    """Write all files, to be looked at."""
    for photo, files in versions.files.items():
        (folder / photo).mkdir(parents=True, exist_ok=True)
        for title, file in files.items():
            (folder / photo / f"{title}.{'webp' if file.startswith(b'RIFF') else 'jpg'}").write_bytes(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="a folder of JPEGs in place of the samples")
    parser.add_argument("--mysql", action="store_true", help="MySQL in place of SQLite")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES, help="of NEAR_DUPLICATES")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the uploads")
    parser.add_argument("--keep", type=Path, help="a folder that the versions are written to")
    arguments = parser.parse_args()
    photos, categories = read_photos(arguments.photos)
    versions = make_versions(photos)
    for program, reason in versions.left_out.items():
        print(f"left out: {program}: {reason}")
    if arguments.keep:
        keep(versions, arguments.keep)
    uploads = [
        Upload(photo, title, file, categories[photo])
        for photo, files in versions.files.items()
        for title, file in files.items()
    ]
    with ExitStack() as stack:
        server: MySQLServer | None = None
        if arguments.mysql:
            server = provision()
            stack.callback(server.stop)
            print(f"MySQL {server.version}")
        models = stack.enter_context(RunningFakeModels())
        models.answer = SeeingModel.of(photos, categories)
        runs: dict[str, Any] = {}
        for mode in arguments.modes:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            runs[mode] = run_mode(mode, uploads, arguments.seed, models, folder, server)
    print(f"{len(photos)} photos, {len(uploads)} uploads\n")
    print_modes(uploads, runs)
    print_by_photo(uploads, runs)
    print_distances(versions.files)


if __name__ == "__main__":
    main()
