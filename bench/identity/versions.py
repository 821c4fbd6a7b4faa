"""Photos as real clients send them: by what is done to their files, and by six encoders."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from PIL import Image

from bench.identity import chromium
from tests.support.client_versions import Version, shrunk
from tests.support.jpeg_surgery import METADATA_VERSIONS

HERE = Path(__file__).parent

_PILLOW: dict[str, Version] = {
    "Pillow 1024 px q80, Lanczos": shrunk,
    "Pillow 1024 px q80, bicubic": partial(shrunk, resample=Image.Resampling.BICUBIC),
    "Pillow 1024 px q80, bilinear": partial(shrunk, resample=Image.Resampling.BILINEAR),
    "Pillow 1024 px q85": partial(shrunk, quality=85),
    "Pillow 800 px q70": partial(shrunk, long_side=800, quality=70),
    "Pillow 640 px q60": partial(shrunk, long_side=640, quality=60),
    "Pillow 1024 px WebP": partial(shrunk, image_format="WEBP"),
}


@dataclass
class ClientVersions:
    """The files by photo and by version, and why the versions of some programs are not among them."""

    files: dict[str, dict[str, bytes]]
    left_out: dict[str, str] = field(default_factory=dict)


def make_versions(photos: Mapping[str, bytes]) -> ClientVersions:
    """Return the versions of JPEG files, the originals first."""
    made = ClientVersions({name: {"the original": photo} for name, photo in photos.items()})
    for name, photo in photos.items():
        made.files[name] |= {title: make(photo) for title, make in METADATA_VERSIONS.items()}
    for program, add in _PROGRAMS.items():
        try:
            add(photos, made)
        except (_Missing, chromium.NoChromium) as reason:
            made.left_out[program] = str(reason)
    return made


class _Missing(Exception):
    """A program is not here; the message says what to install."""


def _add_jpegtran(photos: Mapping[str, bytes], made: ClientVersions) -> None:
    if shutil.which("jpegtran") is None:
        raise _Missing("not on the PATH (Debian: apt-get install libjpeg-turbo-progs)")
    for name, photo in photos.items():
        for option in ("-progressive", "-optimize"):
            command = ["jpegtran", "-copy", "all", option]
            done = subprocess.run(command, input=photo, capture_output=True, check=True)
            made.files[name][f"jpegtran {option}"] = done.stdout


def _add_pillow(photos: Mapping[str, bytes], made: ClientVersions) -> None:
    for name, photo in photos.items():
        made.files[name] |= {title: make(photo) for title, make in _PILLOW.items()}


def _add_node(photos: Mapping[str, bytes], made: ClientVersions) -> None:
    if shutil.which("node") is None or not (HERE / "node_modules").is_dir():
        raise _Missing("needs Node 20 and: npm install --prefix bench/identity")
    with tempfile.TemporaryDirectory() as folder:
        for name, photo in photos.items():
            (Path(folder) / f"{name}.jpg").write_bytes(photo)
        originals = [f"{folder}/{name}.jpg" for name in photos]
        command = ["node", str(HERE / "encode.mjs"), f"{folder}/made", *originals]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise _Missing((done.stderr.strip().splitlines() or ["failed"])[-1])
        made.left_out |= json.loads(done.stdout)
        for name in photos:
            for file in sorted((Path(folder) / "made" / name).iterdir()):
                made.files[name][file.stem] = file.read_bytes()


def _add_chromium(photos: Mapping[str, bytes], made: ClientVersions) -> None:
    for name, file in chromium.shrink(photos).items():
        made.files[name]["Chromium's canvas, 1024 px 0.8"] = file


_PROGRAMS: dict[str, Callable[[Mapping[str, bytes], ClientVersions], None]] = {
    "jpegtran": _add_jpegtran,
    "Pillow": _add_pillow,
    "libvips, mozjpeg, Skia, jimp": _add_node,
    "Chromium": _add_chromium,
}
