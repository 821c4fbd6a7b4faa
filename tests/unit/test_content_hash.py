"""The content hash names a photo and not a file: metadata changes nothing, and all that decodes counts."""

import base64
import hashlib
import json
import random
import re
import time
import zlib
from collections import defaultdict

import pytest

from app.errors import ServiceError
from app.utils.content_hash.content_hash import content_hash
from app.utils.image_utils import ImageLimits, Prepared, prepare_image
from tests.support.content_hash_case import OWN, Case
from tests.support.content_hash_cases import VECTORS, cases
from tests.support.picture_files import Chunk, join_webp, split_webp, with_chunks, with_segments

LIMITS = ImageLimits(frozenset({"JPEG", "PNG", "WEBP", "GIF", "HEIF", "AVIF"}), 50_000_000)
CASES = {case.name: case for case in cases()}
FROZEN = json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"]


def prepared(data: bytes) -> Prepared | None:
    try:
        return prepare_image(data, LIMITS, 512)
    except ServiceError:
        return None


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_file_has_the_name_that_its_case_tells(case: Case) -> None:
    found = content_hash(case.data)

    if case.same_as is None:
        assert found is None
    elif case.same_as:
        assert found == content_hash(CASES[case.same_as].data)
    else:
        assert found is not None
        assert found.startswith("c1:")
        assert len(found) == 67


def test_files_that_are_said_to_differ_have_different_names() -> None:
    own = [content_hash(case.data) for case in CASES.values() if case.same_as == OWN]

    assert len(set(own)) == len(own) > 40


def test_all_files_of_one_name_are_prepared_to_one_picture() -> None:
    pictures: defaultdict[str, set[Prepared | None]] = defaultdict(set)
    for case in CASES.values():
        name = content_hash(case.data)
        if name is not None:
            pictures[name].add(prepared(case.data))

    assert {name: len(found) for name, found in pictures.items() if len(found) > 1} == {}


@pytest.mark.parametrize("vector", FROZEN, ids=[vector["name"] for vector in FROZEN])
def test_the_names_of_the_published_vectors_stay_as_they_are(vector: dict[str, str | None]) -> None:
    assert content_hash(base64.b64decode(vector["file"] or "")) == vector["hash"]


def test_every_case_is_published() -> None:
    assert [vector["name"] for vector in FROZEN] == list(CASES)
    assert len(CASES) == len(cases())


SOUND = [case for case in CASES.values() if case.same_as == OWN]


@pytest.mark.parametrize("case", SOUND, ids=[case.name for case in SOUND])
def test_a_file_cut_off_anywhere_does_not_share_a_name_with_the_whole(case: Case) -> None:
    whole = content_hash(case.data)
    trailing = 20 if case.name == "gif padded" else 0

    shared = [end for end in range(len(case.data) - trailing) if content_hash(case.data[:end]) == whole]

    assert shared == []


@pytest.mark.parametrize(
    "start", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF....WEBP", b"\0\0\0\x10ftypheic"]
)
def test_no_bytes_whatever_make_it_fail_or_take_long(start: bytes) -> None:
    chance = random.Random(start)
    fillings = [b"\xff" * 10_000_000, b"\xff\x00" * 5_000_000, b"\0" * 10_000_000, chance.randbytes(1_000_000), b""]
    for filling in fillings + [chance.randbytes(length) for length in range(200)]:
        began = time.process_time()
        content_hash(start + filling)
        assert time.process_time() - began < 3  # quadratic would be minutes


def test_the_worked_example_of_the_documentation_is_right() -> None:
    page = (VECTORS.parents[2] / "docs" / "content-hash.md").read_text(encoding="utf-8")
    example = page.split("## A worked example")[1].split("## ")[0]
    file, hashed, name = re.findall(r"(?:^    .+\n)+", example, re.MULTILINE)

    assert content_hash(bytes.fromhex(file)) == name.strip()
    assert "c1:" + hashlib.sha256(bytes.fromhex(hashed)).hexdigest() == name.strip()


JPEG, PNG, GIF, WEBP = (CASES[name].data for name in ("jpeg", "png", "gif", "webp lossy"))
CROWDED = {
    "jpeg segments": JPEG[:2] + b"\xff\xe5\0\2" * 2_500_000 + JPEG[2:],
    "jpeg scans": JPEG[:-2] + JPEG[JPEG.index(b"\xff\xda") : -2] * 20_000 + JPEG[-2:],
    "jpeg resources": with_segments(JPEG, *[(0xED, b"Photoshop 3.0\0" + b"8BIM\0\0\0\0\0\0\0\0" * 5_000)] * 150),
    "png chunks": with_chunks(PNG, *[(b"juNk", b"")] * 20_000),
    "png pieces of data": with_chunks(PNG, *[(b"IDAT", b"")] * 20_000),
    "png inflated texts": with_chunks(PNG, *[(b"zTXt", b"Title\0\0" + zlib.compress(bytes(2**20 - 1)))] * 200),
    "gif blocks of a byte": GIF[:-1] + b"!\xfe" + b"\x01a" * 5_000_000 + b"\0;",
    "gif empty extensions": GIF[:-1] + b"!\xfe\0" * 3_000_000 + b";",
    "webp chunks": join_webp([*split_webp(WEBP), *[Chunk(b"junk", b"")] * 20_000]),
    "heic boxes": CASES["heic"].data + b"\0\0\0\x08free" * 1_000_000,
}


@pytest.mark.parametrize("data", CROWDED.values(), ids=CROWDED)
def test_a_file_of_more_parts_than_any_program_writes_has_no_name_at_once(data: bytes) -> None:
    began = time.process_time()

    assert content_hash(data) is None
    assert time.process_time() - began < 3  # quadratic would be minutes
