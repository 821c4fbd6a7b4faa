"""The promise of the content hash, held against changed files by the thousand."""

import warnings
from collections import Counter

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from app.errors import ServiceError
from app.utils.content_hash.content_hash import content_hash
from app.utils.image_utils import ImageLimits, prepare_image
from tests.support.any_metadata import Chance
from tests.support.content_hash_case import OWN
from tests.support.content_hash_cases import cases
from tests.support.picture_files import join_jpeg, picture, saved, split_jpeg
from tests.support.picture_mutations import changed_metadata, changed_structure, damaged, with_tail

LIMITS = ImageLimits(frozenset({"JPEG", "PNG", "WEBP", "GIF", "HEIF", "AVIF"}), 1_000_000)

Outcome = tuple[bytes, int, int] | None
"""The prepared JPEG with the size of the original, or None where the file is refused."""


def outcome_of(data: bytes) -> Outcome:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of damaged metadata
            prepared = prepare_image(data, LIMITS, 256)
    except ServiceError:
        return None
    return prepared.jpeg, prepared.fingerprint.width, prepared.fingerprint.height


def originals() -> list[bytes]:
    """Return sound files of all formats and kinds."""
    files = [case.data for case in cases() if case.same_as == OWN and "shortened" not in case.name]
    files += [saved(picture((40, 24)), "JPEG", subsampling=kind, optimize=True) for kind in (0, 1, 2)]
    files += [saved(picture((640, 320)), "JPEG", quality=30)]  # decoded at half its size
    files += [saved(picture((33, 17), mode), "JPEG", progressive=True) for mode in ("L", "RGB", "CMYK")]
    files += [saved(picture((33, 17), mode), "PNG") for mode in ("L", "P", "RGBA")]
    bare = [segment for segment in split_jpeg(files[0]) if segment.marker != 0xE0]
    return [*files, join_jpeg(bare)]


def mutant(pool: list[bytes], chance: Chance) -> tuple[str, bytes]:
    """Return a changed file, and the kind of change."""
    data, other = chance.choice(pool), chance.choice(pool)
    kind = chance.choice(("metadata", "metadata", "metadata", "structure", "structure", "tail", "damage"))
    if kind == "metadata":
        data = changed_metadata(data, chance)
    elif kind == "structure":
        data = changed_structure(data, other, chance)
        if chance.random() < 0.3:
            data = damaged(data, other, chance)
    elif kind == "tail":
        data = with_tail(data, other, chance)
    else:
        data = damaged(data, other, chance)
    return kind, with_tail(data, other, chance) if chance.random() < 0.1 else data


def hold_the_promise(examples: int) -> Counter[str]:
    """Change files so often, and assert that all files of one name have one outcome.

    Return how many changed files there were by what became of them.
    """
    pool = originals()
    known: dict[str, tuple[Outcome, bytes]] = {}
    for data in pool:
        name = content_hash(data)
        assert name is not None
        known.setdefault(name, (outcome_of(data), data))
    counted: Counter[str] = Counter()

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=True))
    def all_files_of_one_name_have_one_outcome(chance: Chance) -> None:
        kind, data = mutant(pool, chance)
        name = content_hash(data)
        if name is None:
            counted[f"{kind}: no name"] += 1
            return
        outcome = outcome_of(data)
        first, file = known.setdefault(name, (outcome, data))
        note(f"{name}\n{file.hex()}\n{data.hex()}")
        assert outcome == first, "one name, two outcomes"
        if data == file:
            counted[f"{kind}: first of its name"] += 1
        else:
            counted[f"{kind}: shares a name"] += 1
            counted["shares a name"] += 1

    all_files_of_one_name_have_one_outcome()
    return counted
