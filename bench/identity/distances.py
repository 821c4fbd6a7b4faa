"""How far apart the versions of a photo look, and how far apart different photos: bits of PDQ."""

from collections.abc import Mapping
from itertools import combinations, product
from statistics import median

from app.services.images.settings import ImageSettings
from app.utils.image_utils import ImageLimits, prepare_image

_MAX_SIDE = 512
"""How long a picture is that a model gets. The hash is of another resample of the same decoded picture."""

_REACHES = (6, 10, 15)


def print_distances(files: Mapping[str, Mapping[str, bytes]]) -> None:
    """Print for each photo how far any two of its versions are apart, and the nearest two of different photos."""
    settings = ImageSettings()
    limits = ImageLimits(settings.pillow_formats, settings.image_max_pixels)
    seen = {
        photo: {title: prepare_image(file, limits, _MAX_SIDE).fingerprint for title, file in versions.items()}
        for photo, versions in files.items()
    }
    print(
        "\n| photo | PDQ quality | pairs | median | " + " | ".join(f"<= {reach}" for reach in _REACHES) + " | worst |"
    )
    print("| --- | --- | --- | --- |" + " --- |" * len(_REACHES) + " --- |")
    worst: dict[str, int] = {}
    for photo, fingerprints in seen.items():
        apart = []
        for (title, one), (other_title, other) in combinations(fingerprints.items(), 2):
            apart.append(_bits(one.pdq, other.pdq))
            for name in (title, other_title):
                worst[name] = max(worst.get(name, 0), apart[-1])
        shares = " | ".join(f"{sum(bits <= reach for bits in apart) / len(apart):.1%}" for reach in _REACHES)
        quality = min(fingerprint.quality for fingerprint in fingerprints.values())
        print(f"| {photo} | {quality} | {len(apart)} | {median(apart):.0f} | {shares} | {max(apart)} |")
    print("\nfarthest from any other version of the same photo: ", end="")
    print("; ".join(f"{title} {bits}" for title, bits in sorted(worst.items(), key=lambda item: -item[1])[:6]))
    others = [
        _bits(one.pdq, other.pdq)
        for first, second in combinations(seen.values(), 2)
        for one, other in product(first.values(), second.values())
    ]
    if others:
        print(f"nearest two of different photos: {min(others)} of 256 bits, {len(others)} pairs")


def _bits(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()
