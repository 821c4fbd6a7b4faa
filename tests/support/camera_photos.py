"""Photos as cameras write them, out of pictures that are at hand: large, noisy, with EXIF data, some held sideways."""

import random
from io import BytesIO
from pathlib import Path

from PIL import ExifTags, Image, ImageChops, ImageDraw, ImageFilter

from app.models.domain import Category

SAMPLES = Path(__file__).parents[2] / "samples"
SAMPLE_CATEGORIES = {
    "astronaut": Category.SINGLE_PERSON,
    "cat": Category.PETS,
    "coffee": Category.FOODS,
    "idcard": Category.IDCARD,
    "screenshot": Category.SCREENSHOT,
    "temple": Category.TRAVEL_SCENERY,
}
"""What the pictures in `samples` show, by their names."""

_UPRIGHT, _SIDEWAYS = 1, 6
_NOISE = 12


def sample_pictures() -> dict[str, Image.Image]:
    """Return the pictures in `samples`, by their names."""
    files = {path.stem: path for path in sorted(SAMPLES.iterdir()) if path.suffix in (".png", ".jpg")}
    return {name: Image.open(path).convert("RGB") for name, path in files.items()}


def camera_photo(picture: Image.Image, seed: int, long_side: int = 2400) -> bytes:
    """Return the picture as a JPEG of a phone: EXIF data with a place and an id, XMP, a sensor's noise, and for every
    second seed stored sideways with an orientation that tells so."""
    chance = random.Random(seed)
    scale = long_side / max(picture.size)
    large = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BICUBIC)
    noise = Image.frombytes("L", large.size, chance.randbytes(large.width * large.height))
    soft = noise.point(lambda value: 128 + (value - 128) * _NOISE // 128).filter(ImageFilter.GaussianBlur(0.7))
    photo = ImageChops.add(large, soft.convert("RGB"), offset=-128)
    orientation = _SIDEWAYS if seed % 2 else _UPRIGHT
    if orientation == _SIDEWAYS:
        photo = photo.transpose(Image.Transpose.ROTATE_90)
    output = BytesIO()
    photo.save(output, "JPEG", quality=92, exif=_exif(chance, orientation), xmp=_XMP)
    return output.getvalue()


def draw_landscape(seed: int = 1) -> Image.Image:
    """Return mountains behind a lake, drawn: a sixth picture where an identity card would not do."""
    chance = random.Random(seed)
    image = Image.new("RGB", (900, 600))
    draw = ImageDraw.Draw(image)
    for row in range(600):
        draw.line((0, row, 900, row), fill=(90 + row // 6, 140 + row // 8, 220 - row // 10))
    draw.ellipse((640, 60, 730, 150), fill=(255, 240, 190))
    for depth, shade in enumerate((110, 80, 50)):
        base = 300 + 60 * depth
        ridge = [(x, base - chance.randrange(20, 190 - 40 * depth)) for x in range(0, 901, 60)]
        draw.polygon([(0, 430), *ridge, (900, 430)], fill=(shade, shade + 20, shade + 10))
    draw.rectangle((0, 430, 900, 600), fill=(40, 80, 120))
    for _ in range(300):
        x, y = chance.randrange(900), chance.randrange(435, 600)
        draw.line((x, y, x + chance.randrange(10, 60), y), fill=(90, 130, chance.randrange(150, 220)), width=2)
    return image


def _exif(chance: random.Random, orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Example"
    exif[ExifTags.Base.Model] = "Camera One"
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.DateTime] = "2025:10:10 12:00:00"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ImageUniqueID] = chance.randbytes(16).hex()
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef] = "N"
    gps[ExifTags.GPS.GPSLatitude] = (48.0, float(chance.randrange(60)), 12.5)
    gps[ExifTags.GPS.GPSLongitudeRef] = "E"
    gps[ExifTags.GPS.GPSLongitude] = (16.0, float(chance.randrange(60)), 30.25)
    return exif


_XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="Camera One"/></rdf:RDF></x:xmpmeta>"""
