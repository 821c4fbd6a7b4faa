"""The offline classifier: no key, no network, no model. A guess from colours and layout, and honest about it.

It exists so that a newcomer sees the whole service work in a minute. Every rule below is a rule of thumb; none was
learned from data, and the samples were in view when they were written. Its confidence never exceeds 0.6, and its rows
in the cache are served only while it is in use.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from app.models.domain import LOCAL_MODEL, Category, Classification, ModelReply, Usage
from app.services.model_client import Question

LOCAL_VERSION = "local-1"
"""Stored with each guess in place of the version of a prompt."""

_SIDE = 64


class LocalProvider:
    """`ModelClient` that looks at the image itself."""

    async def ask(self, question: Question) -> ModelReply:
        category, confidence, reason = await asyncio.to_thread(_judge, question.jpeg)
        return ModelReply(
            classification=Classification(category, confidence, f"Offline guess, no model was asked: {reason}"),
            model_used=LOCAL_MODEL,
            prompt_version=LOCAL_VERSION,
            usage=Usage(),
        )


@dataclass(frozen=True, slots=True)
class _Look:
    """What is measured, each a share of all pixels (0 to 1) but for `aspect` (width / height)."""

    aspect: float
    flat: float  # in one of the eight commonest colours: drawn pictures have few, photos many
    warm: float  # red to yellow, and vivid
    skin: float  # in the range of human skin, which wood and fur share
    saturation: float
    sky: float  # of the upper third: bright, and blue or nearly white


def _judge(jpeg: bytes) -> tuple[Category, float, str]:
    look = _look_at(jpeg)
    if look.flat > 0.75 and not 1.3 < look.aspect < 1.8:
        return Category.SCREENSHOT, 0.6, "flat colours, as on a screen"
    if look.flat > 0.6 and 1.3 < look.aspect < 1.8:
        return Category.IDCARD, 0.5, "flat colours in the proportions of a card"
    if look.sky > 0.6:
        return Category.TRAVEL_SCENERY, 0.4, "a bright sky on top"
    if look.warm > 0.75 and look.saturation > 0.5:
        return Category.FOODS, 0.4, "warm and vivid colours all over"
    if look.skin > 0.3:
        return Category.PETS, 0.3, "fur-like colours all over"
    if look.skin > 0.07:
        return Category.SINGLE_PERSON, 0.3, "some skin tones"
    return Category.OTHER, 0.2, "nothing stands out"


def _look_at(jpeg: bytes) -> _Look:
    with Image.open(BytesIO(jpeg), formats=["JPEG"]) as image:
        aspect = image.width / image.height
        small = image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX)
        # Unsmoothed, since smoothing invents colours between the drawn ones.
        sharp = image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.NEAREST)
    hsv = _pixels(small.convert("HSV"))
    upper_third = hsv[: len(hsv) // 3]
    return _Look(
        aspect=aspect,
        flat=_flatness(_pixels(sharp)),
        warm=sum(hue <= 35 and saturation > 90 for hue, saturation, _ in hsv) / len(hsv),
        skin=sum((hue <= 18 or hue >= 240) and 40 < saturation < 170 and v > 90 for hue, saturation, v in hsv)
        / len(hsv),
        saturation=sum(saturation for _, saturation, _ in hsv) / len(hsv) / 255,
        sky=sum(_is_sky(*pixel) for pixel in upper_third) / len(upper_third),
    )


def _is_sky(hue: int, saturation: int, value: int) -> bool:
    return value > 150 and (saturation < 50 or 127 < hue < 177)


def _flatness(pixels: list[tuple[int, int, int]]) -> float:
    # Five bits a channel: what JPEG does to one flat colour stays mostly one colour.
    colours = Counter((red >> 3, green >> 3, blue >> 3) for red, green, blue in pixels)
    return sum(count for _, count in colours.most_common(8)) / len(pixels)


def _pixels(image: Image.Image) -> list[tuple[int, int, int]]:
    data = image.tobytes()
    return list(zip(data[0::3], data[1::3], data[2::3], strict=True))
