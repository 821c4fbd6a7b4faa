"""The client's content hash is the service's: a copy of it, since the client is installed without the service."""

import base64
import json
import random

import pytest

from app.utils.content_hash.content_hash import content_hash as content_hash_of_the_service
from photo_classifier.content_hash.content_hash import content_hash
from scripts.copy_content_hash import COPY, copies
from tests.support.content_hash_cases import VECTORS
from tests.support.content_hash_promise import mutant, originals

VECTOR_LIST = json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"]


def test_the_copy_is_what_make_docs_writes() -> None:
    assert {path: path.read_text(encoding="utf-8") for path in COPY.glob("*.py")} == copies()


@pytest.mark.parametrize("vector", VECTOR_LIST, ids=[vector["name"] for vector in VECTOR_LIST])
def test_a_vector_has_its_hash(vector: dict[str, str]) -> None:
    assert content_hash(base64.b64decode(vector["file"])) == vector["hash"]


def test_both_name_changed_files_alike() -> None:
    chance = random.Random(20261130)
    pool = originals()
    files = [mutant(pool, chance)[1] for _ in range(500)]

    assert [content_hash(file) for file in files] == [content_hash_of_the_service(file) for file in files]
    assert 100 < sum(content_hash(file) is not None for file in files) < 490
