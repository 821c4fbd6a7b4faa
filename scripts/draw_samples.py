"""Draws the two samples that no photo library has: a phone screenshot and a specimen identity card.

    .venv/bin/python scripts/draw_samples.py samples

Nothing in them is real: no person, no document, no application.
"""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_INK = (28, 28, 30)
_GREY = (142, 142, 147)
_BLUE = (0, 122, 255)


def draw_screenshot() -> Image.Image:
    """Return a chat on a phone, 1170 x 2532 pixels."""
    image = Image.new("RGB", (1170, 2532), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 1170, 330), fill=(247, 247, 247))
    draw.text((90, 50), "9:41", font=_font(52), fill=_INK)
    for bar in range(4):
        draw.rectangle((880 + bar * 22, 95 - bar * 12, 894 + bar * 22, 107), fill=_INK)
    draw.rounded_rectangle((1000, 62, 1080, 104), 10, outline=_INK, width=4)
    draw.rectangle((1007, 69, 1060, 97), fill=_INK)
    draw.text((585, 240), "Weekend hike", font=_font(56), fill=_INK, anchor="mm")
    draw.line((0, 330, 1170, 330), fill=(209, 209, 214), width=3)
    messages = [
        (False, "Shall we take the 8:15 train?"),
        (True, "Works for me"),
        (False, "I will bring the sandwiches"),
        (False, "and the map, since there is no signal"),
        (True, "Then I bring tea and cake"),
        (True, "What about rain?"),
        (False, "Forecast says sun until five"),
        (True, "See you at the station!"),
    ]
    top = 420
    for mine, text in messages:
        width = draw.textlength(text, font=_font(48)) + 90
        left = 1130 - width if mine else 40
        draw.rounded_rectangle((left, top, left + width, top + 120), 50, fill=_BLUE if mine else (233, 233, 235))
        draw.text((left + 45, top + 60), text, font=_font(48), fill="white" if mine else _INK, anchor="lm")
        top += 190
    draw.rounded_rectangle((40, 2290, 1130, 2400), 55, outline=(199, 199, 204), width=4)
    draw.text((90, 2345), "Message", font=_font(48), fill=_GREY, anchor="lm")
    draw.rounded_rectangle((380, 2490, 790, 2504), 7, fill=_INK)
    return image


def draw_idcard() -> Image.Image:
    """Return a specimen card, 1011 x 638 pixels: the proportions of ISO/IEC 7810 ID-1."""
    image = Image.new("RGB", (1011, 638), (226, 235, 240))
    draw = ImageDraw.Draw(image)
    for offset in range(-638, 1011, 14):
        draw.line((offset, 638, offset + 638, 0), fill=(214, 226, 233), width=2)
    draw.rectangle((0, 0, 1011, 96), fill=(58, 92, 138))
    draw.text((40, 48), "IDENTITY CARD", font=_font(46), fill="white", anchor="lm")
    draw.text((971, 48), "UTOPIA", font=_font(38), fill="white", anchor="rm")
    draw.rectangle((48, 140, 318, 490), fill=(200, 208, 214))
    draw.ellipse((123, 190, 243, 340), fill=(120, 132, 144))
    draw.pieslice((78, 350, 288, 640), 180, 360, fill=(120, 132, 144))
    draw.rectangle((48, 490, 318, 638), fill=(226, 235, 240))
    fields = [("Surname", "SPECIMEN"), ("Given names", "ALEX"), ("Date of birth", "01 01 2000"), ("Number", "X0000000")]
    for row, (label, value) in enumerate(fields):
        draw.text((370, 140 + row * 88), label, font=_font(24), fill=(92, 110, 128))
        draw.text((370, 168 + row * 88), value, font=_font(38), fill=_INK)
    draw.text((48, 540), "IDUTO<<SPECIMEN<<ALEX<<<<<<<<<<<<<<<", font=_font(36), fill=_INK)
    draw.text((48, 584), "X0000000<0UTO0001012M3001010<<<<<<<<", font=_font(36), fill=_INK)
    return image


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)  # the font inside Pillow: the same pixels on every machine


def main() -> None:
    folder = Path(sys.argv[1])
    draw_screenshot().save(folder / "screenshot.png", optimize=True)
    draw_idcard().save(folder / "idcard.jpg", quality=90)


if __name__ == "__main__":
    main()
