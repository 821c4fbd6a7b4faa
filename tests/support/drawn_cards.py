"""Identity cards of one template and different people, drawn: what looks alike and must never answer for each other."""

import random
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

_INK = (28, 28, 30)
_PAPER = (226, 235, 240)
_SYLLABLES = ("an", "bel", "cor", "dan", "el", "fir", "gar", "hol", "is", "jo", "kan", "lor", "mi", "nov", "ro", "sa")


def card_photo(number: int) -> bytes:
    """Return the card of one person as a JPEG. All that is the person's own on it follows from `number`."""
    chance = random.Random(number)
    image = Image.new("RGB", (1011, 638), _PAPER)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 1011, 96), fill=(58, 92, 138))
    draw.text((40, 48), "IDENTITY CARD", font=_font(46), fill="white", anchor="lm")
    draw.text((971, 48), "UTOPIA", font=_font(38), fill="white", anchor="rm")
    _draw_portrait(draw, chance)
    surname, given = _name(chance, 3), _name(chance, 2)
    document = f"X{chance.randrange(10**7):07}"
    born = f"{chance.randrange(1, 29):02} {chance.randrange(1, 13):02} {chance.randrange(1950, 2005)}"
    fields = [("Surname", surname), ("Given names", given), ("Date of birth", born), ("Number", document)]
    for row, (label, value) in enumerate(fields):
        draw.text((370, 140 + row * 88), label, font=_font(24), fill=(92, 110, 128))
        draw.text((370, 168 + row * 88), value, font=_font(38), fill=_INK)
    draw.text((48, 540), f"IDUTO<<{surname}<<{given}".ljust(36, "<"), font=_font(36), fill=_INK)
    draw.text((48, 584), f"{document}<0UTO{born.replace(' ', '')}".ljust(36, "<"), font=_font(36), fill=_INK)
    output = BytesIO()
    image.save(output, "JPEG", quality=88)
    return output.getvalue()


def _draw_portrait(draw: ImageDraw.ImageDraw, chance: random.Random) -> None:
    skin, hair, clothes = (
        (tone + chance.randrange(16), tone - 20 + chance.randrange(16), tone - 30) for tone in (180, 70, 100)
    )
    width = chance.randrange(56, 66)
    draw.rectangle((48, 140, 318, 490), fill=(200, 208, 214))
    draw.ellipse((183 - width, 180, 183 + width, 300 + chance.randrange(20)), fill=hair)
    draw.ellipse((183 - width + 10, 205, 183 + width - 10, 345), fill=skin)
    draw.pieslice((78, 350 + chance.randrange(-5, 5), 288, 640), 180, 360, fill=clothes)
    draw.rectangle((48, 490, 318, 638), fill=_PAPER)


def _name(chance: random.Random, syllables: int) -> str:
    return "".join(chance.choice(_SYLLABLES) for _ in range(syllables)).upper()


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)  # the font inside Pillow: the same pixels on every machine
