"""The PNG, GIF, WebP and HEIC files of the content hash's test vectors, and files that are none of these."""

import struct
import zlib
from collections.abc import Iterator

from app.utils.image_utils import enable_heif
from tests.support.content_hash_case import Case
from tests.support.picture_files import (
    EXIF_HEAD,
    Chunk,
    exif,
    gif_head_bytes,
    join_png,
    join_webp,
    picture,
    saved,
    split_png,
    split_webp,
    with_chunks,
    with_gif_blocks,
    xmp,
)

enable_heif()


def other_cases() -> Iterator[Case]:
    yield from _png()
    yield from _gif()
    yield from _webp()
    yield from _heic()
    yield from _others()


def _png() -> Iterator[Case]:
    plain = saved(picture(), "PNG")
    yield Case("png", "RGB of 8 bits.", plain)
    for mode in ("1", "L", "LA", "P", "RGBA", "I;16"):
        image = picture(mode="L").convert("I").convert("I;16") if mode == "I;16" else picture(mode=mode)
        yield Case(f"png {mode}", "Another type of colour.", saved(image, "PNG"))
    header, data, end = split_png(plain)
    rows = zlib.decompress(data.body)
    interlaced = Chunk(b"IHDR", header.body[:12] + b"\x01")
    yield Case("png interlaced", "The header tells the order.", join_png([interlaced, data, end]))
    yield Case("png other compression", "The same rows compressed otherwise.", join_png([header, _idat(rows), end]))
    palette = saved(picture(mode="P"), "PNG")
    inverted = [
        Chunk(kind, bytes(255 - value for value in body)) if kind == b"PLTE" else Chunk(kind, body)
        for kind, body in split_png(palette)
    ]
    yield Case("png inverted palette", "The coded data is the same.", join_png(inverted))
    seen_through = with_chunks(palette, (b"tRNS", bytes(40)))
    yield Case("png transparent palette", "Shown on white.", seen_through)

    same = "png"
    pieces = [Chunk(b"IDAT", data.body[at : at + 50]) for at in range(0, len(data.body), 50)]
    yield Case(
        "png in many chunks", "How the data is cut.", join_png([header, *pieces, Chunk(b"IDAT", b""), end]), same
    )
    yield Case("png padded", "Bytes behind the end.", plain + bytes(100), same)
    texts = [(b"tEXt", b"Comment\0a caption"), (b"zTXt", b"Software\0\0" + zlib.compress(b"a program"))]
    yield Case("png texts", "Captions.", with_chunks(plain, *texts), same)
    more = [(b"gAMA", struct.pack(">L", 45455)), (b"sRGB", b"\0"), (b"pHYs", struct.pack(">LLB", 2835, 2835, 1))]
    more += [(b"tIME", bytes(7)), (b"iCCP", b"icc\0\0" + zlib.compress(b"a profile"))]
    yield Case(
        "png colour profile", "The service ignores profiles, gamma and density.", with_chunks(plain, *more), same
    )
    yield Case("png text behind", "Texts may stand behind.", with_chunks(plain, texts[0], before=b"IEND"), same)
    yield Case("png upright", "Exif of an upright picture.", with_chunks(plain, (b"eXIf", exif(1))), same)
    yield Case("png orientation 6", "Turned.", with_chunks(plain, (b"eXIf", exif(6))))
    behind = with_chunks(plain, (b"eXIf", exif(6)), before=b"IEND")
    yield Case("png orientation 6 behind", "Exif may stand behind.", behind, "png orientation 6")
    packet = (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(6))
    yield Case("png orientation 6 in xmp", "Pillow takes it from XMP.", with_chunks(plain, packet), "png orientation 6")

    yield Case("png cut", "No end.", plain[:-12], None)
    yield Case("png cut in its data", "A chunk longer than the file.", plain[:-40], None)
    yield Case("png wrong checksum", "Damaged data.", plain[:60] + bytes([plain[60] ^ 1]) + plain[61:], None)
    yield Case("png two headers", "Not a PNG.", join_png([header, header, data, end]), None)
    yield Case("png no data", "Nothing to decode.", join_png([header, end]), None)
    apart = join_png([header, pieces[0], Chunk(b"tIME", bytes(7)), *pieces[1:], end])
    yield Case("png data apart", "Data chunks must follow each other.", apart, None)
    yield Case(
        "png late transparency", "Behind the data.", with_chunks(plain, (b"tRNS", bytes(6)), before=b"IEND"), None
    )
    yield Case(
        "png unknown chunk", "A capital letter: not to be skipped.", with_chunks(plain, (b"CgBI", b"1234")), None
    )
    overwriting = with_chunks(plain, (b"tEXt", b"transparency\0x"))
    yield Case("png text of a property", "Pillow mistakes it for its own note.", overwriting, None)
    profile = with_chunks(plain, (b"tEXt", b"Raw profile type exif\0\nexif\n 8\n4949"))
    yield Case("png exif as text", "Pillow looks for an orientation there.", profile, None)
    inflated = with_chunks(plain, (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2**20))))
    yield Case("png text of 1 MiB", "Pillow refuses it.", inflated, None)
    yield Case("png short gamma", "Pillow refuses it.", with_chunks(plain, (b"gAMA", b"12")), None)
    frames = saved(picture(), "PNG", save_all=True, append_images=[picture(turn=90)])
    yield Case("png animated", "The first frame may be a part, or another picture.", frames, None)


def _idat(rows: bytes) -> Chunk:
    return Chunk(b"IDAT", zlib.compress(rows, 1))


def _gif() -> Iterator[Case]:
    plain = saved(picture(mode="P"), "GIF")
    yield Case("gif", "A palette of the screen.", plain)
    at = gif_head_bytes(plain)
    inverted = plain[:13] + bytes(255 - value for value in plain[13:at]) + plain[at:]
    yield Case("gif inverted palette", "The codes are the same.", inverted)
    place = plain.index(b",", at)
    palette, flags = plain[13:at], plain[10]
    local = plain[:10] + bytes([flags & 0x7F]) + plain[11:13] + plain[at : place + 9]
    local += bytes([0x80 | (flags & 7)]) + palette + plain[place + 10 :]
    yield Case("gif local palette", "A palette of the picture.", local)
    transparent = with_gif_blocks(plain, b"!\xf9\x04\x01\0\0\x03\0")
    yield Case("gif transparent", "Shown on white.", transparent)
    frames = [picture(mode="P", turn=turn) for turn in (0, 60, 120)]
    yield Case("gif animated", "Three frames.", saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))

    same = "gif"
    comment = b"!\xfe\x05hello\x00"
    yield Case("gif comment", "A comment before the picture.", with_gif_blocks(plain, comment), same)
    application = b"!\xff\x0bXMP DataXMP\x05<x/>.\x00"
    yield Case("gif xmp", "XMP before the picture.", with_gif_blocks(plain, application), same)
    looping = b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
    yield Case("gif loop", "How often an animation is played.", with_gif_blocks(plain, looping), same)

    behind = plain[:-1] + comment + plain[-1:]
    yield Case("gif comment behind", "Bytes behind the codes may be decoded: another name.", behind)
    yield Case("gif padded", "Bytes behind the end likewise.", plain + bytes(20))
    yield Case("gif cut", "No end.", plain[:-1], None)
    yield Case("gif cut in its codes", "A block longer than the file.", plain[:-20], None)
    yield Case("gif empty extension", "Pillow reads on behind it.", with_gif_blocks(plain, b"!\xff\0"), None)
    control = b"!\xf9\x04\x01\0\0\x03\0"
    yield Case("gif two controls", "Which one counts?", with_gif_blocks(plain, control * 2), None)
    yield Case("gif rubbish", "Bytes between blocks.", with_gif_blocks(plain, b"rubbish"), None)
    yield Case(
        "gif of small blocks", "Too many blocks.", with_gif_blocks(plain, b"!\xfe" + b"\x01a" * 10_000 + b"\0"), None
    )


def _webp() -> Iterator[Case]:
    lossy = saved(picture(), "WEBP", quality=60)
    lossless = saved(picture(), "WEBP", lossless=True)
    mixed = picture(mode="RGBA")
    mixed.putalpha(picture(mode="L"))
    yield Case("webp lossy", "VP8.", lossy)
    yield Case("webp lossless", "VP8L.", lossless)
    yield Case("webp lossy alpha", "VP8 with ALPH, shown on white.", saved(mixed, "WEBP", quality=60))
    yield Case("webp lossless alpha", "VP8L with transparency.", saved(mixed, "WEBP", lossless=True))
    animation = saved(picture(), "WEBP", save_all=True, append_images=[picture(turn=90)])
    yield Case("webp animated", "Two frames.", animation)

    for kind, data in (("lossy", lossy), ("lossless", lossless)):
        same = f"webp {kind}"
        (coded,) = split_webp(data)
        yield Case(f"webp {kind} padded", "Bytes behind the end.", data + bytes(30), same)
        noted = join_webp([_canvas(0x04), coded, Chunk(b"XMP ", xmp(note="a caption"))])
        yield Case(f"webp {kind} xmp", "With metadata the same picture is an extended file.", noted, same)
        profile = join_webp([_canvas(0x20), Chunk(b"ICCP", b"a profile"), coded])
        yield Case(f"webp {kind} icc", "The service ignores profiles.", profile, same)
        turned = join_webp([_canvas(0x08), coded, Chunk(b"EXIF", exif(6))])
        yield Case(f"webp {kind} orientation 6", "Turned.", turned)
        headed = join_webp([_canvas(0x08), coded, Chunk(b"EXIF", EXIF_HEAD + exif(6))])
        yield Case(
            f"webp {kind} orientation 6 headed", "Some programs write the head.", headed, f"{same} orientation 6"
        )
        packet = join_webp([_canvas(0x04), coded, Chunk(b"XMP ", xmp(6))])
        yield Case(f"webp {kind} orientation 6 in xmp", "From XMP.", packet, f"{same} orientation 6")
    (coded,) = split_webp(lossy)
    unflagged = join_webp([_canvas(0), coded, Chunk(b"EXIF", exif(6))])
    yield Case("webp exif without flag", "libwebp does not hand it out.", unflagged, None)
    yield Case("webp other canvas", "Not the picture's size.", join_webp([_canvas(0, (17, 12)), coded]), None)
    yield Case("webp cut", "Shorter than its head tells.", lossy[:-2], None)
    yield Case("webp two pictures", "Not a WebP.", join_webp([coded, coded]), None)
    canvas, control, first, second = split_webp(animation)
    yield Case("webp animated second frame", "libwebp looks at all frames.", join_webp([canvas, control, first]))
    yield Case("webp animated swapped", "Another first frame.", join_webp([canvas, control, second, first]))


def _canvas(flags: int, size: tuple[int, int] = (16, 12)) -> Chunk:
    sides = (side - 1 for side in size)
    return Chunk(b"VP8X", bytes([flags, 0, 0, 0]) + b"".join(side.to_bytes(3, "little") for side in sides))


def _heic() -> Iterator[Case]:
    note = b"48.2082 N, 16.3738 E"
    noted = saved(picture((64, 48)), "HEIF", exif=EXIF_HEAD + exif(1, note), xmp=xmp(note="a caption"))
    yield Case("heic", "With Exif and XMP.", noted)
    yield Case(
        "heic zeroed in place", "Android blanks where a photo was taken.", noted.replace(note, bytes(20)), "heic"
    )
    yield Case("heic caption", "As long as the one before.", noted.replace(b"a caption", b"A_CAPTION"), "heic")
    yield Case("heic without metadata", "All bytes count.", saved(picture((64, 48)), "HEIF"))
    shorter = saved(picture((64, 48)), "HEIF", exif=EXIF_HEAD + exif(1, note[:9]), xmp=xmp(note="a caption"))
    yield Case("heic shorter exif", "What is elsewhere then counts: another name.", shorter)
    yield Case("heic cut", "A box longer than the file.", noted[:-5], None)
    yield Case("heic padded", "Not a box.", noted + bytes(5), None)
    turned = noted.replace(b"a caption</rdf", b"</Orientation>")
    yield Case("heic orientation in xmp", "Removed by some decoders, and used by others.", turned, None)
    broken = noted.replace(b"II*\0", b"II*\1")
    yield Case("heic broken exif", "Not to be read for certain.", broken, None)
    packet, pixels = noted.index(b"<x:xmpmeta"), noted.index(b"mdat") + 100
    inside = noted.replace(struct.pack(">L", packet), struct.pack(">L", pixels))
    yield Case("heic xmp inside the picture", "Its bytes would not count.", inside, None)
    sideways = saved(picture((64, 48)), "HEIF", exif=EXIF_HEAD + exif(6, note), xmp=xmp(note="a caption"))
    yield Case("heic orientation 6", "Turned by a box.", sideways)
    yield Case("avif", "Not named.", saved(picture(), "AVIF"), None)


def _others() -> Iterator[Case]:
    yield Case("empty", "No file.", b"", None)
    yield Case("text", "Not an image.", b"Not an image, and long enough to be one.", None)
    yield Case("bmp", "Not an accepted format.", saved(picture((4, 4)), "BMP"), None)
    yield Case("gif before jpeg", "A JPEG with a GIF's head is neither.", b"GIF89a" + saved(picture(), "JPEG"), None)
    yield Case(
        "jpeg before png", "A PNG with a JPEG's head is neither.", b"\xff\xd8\xff" + saved(picture(), "PNG"), None
    )
