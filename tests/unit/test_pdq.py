"""What a photo looks like: as Meta's own PDQ has it, the same for all versions of the photo, another for others."""

import struct
from itertools import combinations

import pytest
from PIL import Image

from app.models.identity import Fingerprint
from app.utils.image_utils import ImageLimits, enable_heif, prepare_image
from app.utils.pdq import pdq, squared
from tests.factories import save_image
from tests.support.pdq_reference import pictures, references, sample

enable_heif()
LIMITS = ImageLimits(frozenset({"AVIF", "GIF", "HEIF", "JPEG", "PNG", "WEBP"}), 50_000_000)
PICTURES, REFERENCES = pictures(), references()
SAMPLES = [name for name in PICTURES if "." in name]
REFERENCE_DISTANCE, NEAR_DISTANCE, UNRELATED_DISTANCE = 4, 10, 60
FILTERS = [Image.Resampling.LANCZOS, Image.Resampling.BICUBIC, Image.Resampling.BOX]


def seen(data: bytes, max_side: int = 512) -> Fingerprint:
    return prepare_image(data, LIMITS, max_side).fingerprint


def seen_of(image: Image.Image, image_format: str = "PNG", **options: object) -> Fingerprint:
    return seen(save_image(image, image_format, **options))


def distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def shrunk(image: Image.Image, side: int, resampling: Image.Resampling) -> Image.Image:
    scale = min(1.0, side / max(image.size))
    return image.resize((round(image.width * scale), round(image.height * scale)), resampling)


@pytest.mark.parametrize("name", PICTURES)
def test_the_hash_and_its_quality_are_those_of_metas_implementation(name: str) -> None:
    hashed, quality = pdq(squared(PICTURES[name]))

    assert distance(hashed, REFERENCES[name].pdq) <= REFERENCE_DISTANCE
    assert abs(quality - REFERENCES[name].quality) <= 1


@pytest.mark.parametrize("name", SAMPLES)
def test_a_prepared_sample_has_the_hash_of_metas_implementation(name: str) -> None:
    fingerprint = seen_of(PICTURES[name])

    assert distance(fingerprint.pdq, REFERENCES[name].pdq) <= REFERENCE_DISTANCE
    assert fingerprint == Fingerprint(fingerprint.pdq, 100, *PICTURES[name].size)


def test_different_pictures_are_far_apart() -> None:
    hashes = [seen_of(PICTURES[name]).pdq for name in SAMPLES]

    assert min(distance(one, other) for one, other in combinations(hashes, 2)) > UNRELATED_DISTANCE


@pytest.mark.parametrize("name", SAMPLES)
def test_what_clients_make_of_a_photo_is_near_to_it_and_to_each_other(name: str) -> None:
    camera = sample(name).resize([side * 2 for side in PICTURES[name].size], Image.Resampling.BICUBIC)
    versions = [seen_of(camera, "JPEG", quality=92)]
    for resampling in FILTERS:
        versions += [
            seen_of(shrunk(camera, side, resampling), image_format, quality=quality)
            for side, image_format, quality in (
                (1024, "JPEG", 80),
                (800, "JPEG", 70),
                (640, "JPEG", 60),
                (1024, "WEBP", 80),
            )
        ]

    assert max(distance(one.pdq, other.pdq) for one, other in combinations(versions, 2)) <= NEAR_DISTANCE


@pytest.mark.parametrize("image_format", ["AVIF", "HEIF", "JPEG", "PNG", "WEBP"])
def test_every_format_shows_the_same_picture(image_format: str) -> None:
    assert distance(seen_of(sample("cat.png"), image_format).pdq, REFERENCES["cat.png"].pdq) <= NEAR_DISTANCE


def test_how_the_short_side_was_rounded_does_not_matter() -> None:
    photo = sample("coffee.png")
    hashes = [seen_of(photo.resize((512, height), Image.Resampling.LANCZOS)).pdq for height in (338, 341, 344)]

    assert max(distance(one, other) for one, other in combinations(hashes, 2)) <= REFERENCE_DISTANCE


def test_the_size_that_a_model_gets_does_not_matter() -> None:
    data = (save_image(sample("temple.jpg").resize((2560, 1708)), "PNG"), save_image(sample("temple.jpg"), "JPEG"))

    for photo in data:
        hashes = [seen(photo, max_side).pdq for max_side in (256, 512, 1024)]
        assert max(distance(one, hashes[0]) for one in hashes) <= NEAR_DISTANCE


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "stored_as"),
    [
        (1, None),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
    ],
)
def test_a_turned_photo_has_the_hash_and_the_size_of_the_upright_one(
    image_format: str, orientation: int, stored_as: Image.Transpose | None
) -> None:
    upright = sample("coffee.png")
    stored = upright if stored_as is None else upright.transpose(stored_as)
    exif = Image.Exif()
    exif[0x0112] = orientation

    turned = seen_of(stored, image_format, exif=exif, quality=95)

    assert distance(turned.pdq, REFERENCES["coffee.png"].pdq) <= NEAR_DISTANCE
    assert (turned.width, turned.height) == upright.size
    if stored_as is not None:
        assert distance(turned.pdq, seen_of(stored).pdq) > UNRELATED_DISTANCE


@pytest.mark.parametrize("size", [(512, 512), (1200, 1200), (200, 200)])
def test_a_transparent_picture_looks_as_it_does_on_white(size: tuple[int, int]) -> None:
    picture = sample("astronaut.png").resize(size)
    picture.putalpha(Image.radial_gradient("L").resize(size))
    paper = Image.new("RGBA", size, "white")
    paper.alpha_composite(picture)

    transparent = seen_of(picture)

    assert distance(transparent.pdq, seen_of(paper.convert("RGB")).pdq) <= REFERENCE_DISTANCE
    assert distance(transparent.pdq, seen_of(picture.convert("RGB")).pdq) > REFERENCE_DISTANCE


def test_colours_that_are_hidden_are_not_seen() -> None:
    hidden = sample("astronaut.png")
    hidden.putalpha(0)

    assert seen_of(hidden) == seen_of(Image.new("RGB", hidden.size, "white"))


@pytest.mark.parametrize("colour", ["black", "white", (3, 77, 200)])
@pytest.mark.parametrize("image_format", ["GIF", "JPEG", "PNG", "WEBP"])
def test_a_flat_picture_has_no_quality_and_no_bits(image_format: str, colour: str) -> None:
    flat = seen_of(Image.new("RGB", (300, 200), colour), image_format, lossless=True)

    assert flat == Fingerprint(bytes(32), 0, 300, 200)


def test_a_soft_slope_of_light_has_a_quality_below_that_of_a_photo() -> None:
    assert pdq(squared(PICTURES["smooth"]))[1] < 50


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (2, 3), (7, 300), (256, 256), (257, 255)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_the_smallest_and_the_narrowest_pictures_have_a_hash(size: tuple[int, int], mode: str) -> None:
    fingerprint = seen_of(sample("coffee.png").resize(size).convert(mode))

    assert (len(fingerprint.pdq), fingerprint.width, fingerprint.height) == (32, *size)
    assert 0 <= fingerprint.quality <= 100


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "I;16"])
def test_every_mode_of_a_picture_without_colours_gives_one_hash(mode: str) -> None:
    grey = sample("cat.png").convert("L")
    if mode == "I;16":
        values = [value * 257 for value in grey.tobytes()]
        image = Image.frombytes("I;16", grey.size, struct.pack(f"<{len(values)}H", *values))
    else:
        image = grey.convert(mode)

    assert distance(seen_of(image).pdq, seen_of(grey.convert("RGB")).pdq) == 0


@pytest.mark.parametrize(("mode", "image_format"), [("P", "PNG"), ("P", "GIF"), ("CMYK", "JPEG"), ("YCbCr", "JPEG")])
def test_every_mode_with_colours_gives_a_hash_nearby(mode: str, image_format: str) -> None:
    photo = sample("cat.png")
    image = photo.quantize(256) if mode == "P" else photo.convert(mode)

    assert distance(seen_of(image, image_format).pdq, REFERENCES["cat.png"].pdq) <= NEAR_DISTANCE


def test_one_file_has_one_fingerprint() -> None:
    data = save_image(sample("coffee.png"), "WEBP")

    assert len({seen(data) for _ in range(3)}) == 1
