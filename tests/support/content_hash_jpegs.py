"""The JPEG files of the content hash's test vectors: metadata, orientations, and what an attacker would change."""

import struct
from collections.abc import Iterator

from tests.support.content_hash_case import OWN, Case
from tests.support.picture_files import (
    APP0,
    APP1,
    APP2,
    APP13,
    APP14,
    COM,
    DQT,
    EOI,
    EXIF_HEAD,
    SOF0,
    SOS,
    XMP_HEAD,
    Segment,
    exif,
    join_jpeg,
    picture,
    saved,
    split_jpeg,
    with_segments,
    without_segments,
    xmp,
)


def jpeg_cases() -> Iterator[Case]:
    yield from _jpeg()
    yield from _jpeg_orientation()
    yield from _jpeg_poisoned()


def _jpeg() -> Iterator[Case]:
    plain = saved(picture(), "JPEG")
    yield Case("jpeg", "A baseline JPEG with JFIF.", plain)
    yield Case("jpeg progressive", "The same pixels in other scans.", saved(picture(), "JPEG", progressive=True))
    yield Case("jpeg grey", "One component.", saved(picture(mode="L"), "JPEG"))
    yield Case("jpeg cmyk", "Four components with an Adobe segment.", saved(picture(mode="CMYK"), "JPEG"))
    restarts = saved(picture((48, 16)), "JPEG", restart_marker_blocks=1)
    yield Case("jpeg restart", "Restart markers stand inside the coded data, and belong to it.", restarts)

    same = "jpeg"
    yield Case("jpeg zero padding", "iOS appends zero bytes.", plain + bytes(300), same)
    yield Case("jpeg second picture", "What MPO and Ultra HDR append is another picture.", plain + plain, same)
    yield Case("jpeg film", "Motion photos append a film.", plain + b"....ftypmp42" + bytes(range(64)), same)
    mpf = b"MPF\0" + exif(note=b"not a list of pictures")
    yield Case("jpeg mpf", "The list of the pictures of an MPO.", with_segments(plain, (APP2, mpf)), same)
    yield Case("jpeg comment", "A comment.", with_segments(plain, (COM, b"a caption")), same)
    yield Case("jpeg icc", "The service ignores colour profiles.", _with_profile(plain), same)
    gps = with_segments(plain, (APP1, EXIF_HEAD + exif(note=b"48.2082 N, 16.3738 E")))
    yield Case("jpeg exif", "Exif data without an orientation.", gps, same)
    blank = gps.replace(b"48.2082 N, 16.3738 E", bytes(20))
    yield Case("jpeg exif zeroed in place", "Android blanks the place where a photo was taken.", blank, same)
    cleared = with_segments(plain, (APP1, bytes(60)))
    yield Case("jpeg exif all zeros", "A segment that is not Exif any more.", cleared, same)
    yield Case("jpeg xmp", "A caption in XMP.", with_segments(plain, (APP1, XMP_HEAD + xmp(note="a caption"))), same)
    thumbnail = EXIF_HEAD + exif() + saved(picture((8, 6)), "JPEG")
    yield Case("jpeg thumbnail", "A small JPEG inside the Exif data.", with_segments(plain, (APP1, thumbnail)), same)
    caption = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">L", 10) + b"\x1c\x02\x78\0\x05hello"
    yield Case("jpeg iptc", "A caption in IPTC.", with_segments(plain, (APP13, caption)), same)
    bare = without_segments(plain, APP0)
    yield Case("jpeg without jfif", "Components 1, 2 and 3 are YCbCr, with JFIF or without.", bare, same)
    filled = join_jpeg([segment._replace(fill=3) for segment in split_jpeg(plain)])
    yield Case("jpeg fill bytes", "0xFF may be repeated before a marker.", filled, same)

    yield Case("jpeg cut in its data", "No end of image.", plain[:-30], None)
    yield Case("jpeg cut at its end", "Half of the end of image.", plain[:-1], None)
    yield Case("jpeg cut in its head", "A segment longer than the file.", plain[:100], None)
    yield Case("jpeg without a scan", "Nothing to decode.", join_jpeg(split_jpeg(plain)[:3]) + b"\xff\xd9", None)
    rubbish = plain[:20] + b"rubbish" + plain[20:]
    yield Case("jpeg rubbish", "Bytes between two segments: decoders differ in skipping them.", rubbish, None)
    twice = with_segments(plain, (APP1, EXIF_HEAD + exif(1)), (APP1, EXIF_HEAD + exif(6)))
    yield Case("jpeg two exif", "Two Exif segments: which orientation counts?", twice, None)
    many = with_segments(plain, *[(COM, b"")] * 900)
    yield Case("jpeg of 900 segments", "More than 800 segments.", many, None)
    late = plain[:-2] + Segment(COM, b"late").to_bytes() + plain[-2:]
    yield Case("jpeg metadata behind a scan", "Unusual.", late, None)
    broken = with_segments(plain, (APP13, b"Photoshop 3.0\x008BIM\x04\x04"))
    yield Case("jpeg broken resource", "Pillow refuses it.", broken, None)
    short = with_segments(without_segments(plain, APP0), (APP0, b"JFIF\0\1"))
    yield Case("jpeg short jfif", "Pillow refuses it.", short, None)


def _with_profile(plain: bytes) -> bytes:
    return with_segments(plain, (APP2, b"ICC_PROFILE\0\x01\x01" + b"a profile " * 20))


def _jpeg_orientation() -> Iterator[Case]:
    plain = saved(picture(), "JPEG")
    for value in range(1, 9):
        data = with_segments(plain, (APP1, EXIF_HEAD + exif(value, order="<>"[value % 2])))
        why = "Upright, as without Exif." if value == 1 else "Turned: other pixels."
        yield Case(f"jpeg orientation {value}", why, data, "jpeg" if value == 1 else OWN)
    for value in (0, 9):
        data = with_segments(plain, (APP1, EXIF_HEAD + exif(value)))
        yield Case(f"jpeg orientation {value}", "Not an orientation: upright.", data, "jpeg")
    noted = with_segments(plain, (APP1, EXIF_HEAD + exif(6, note=b"another camera")))
    yield Case("jpeg orientation 6 noted", "Other Exif data, and turned alike.", noted, "jpeg orientation 6")
    in_xmp = with_segments(plain, (APP1, XMP_HEAD + xmp(6)))
    yield Case("jpeg orientation 6 in xmp", "Pillow takes it from XMP.", in_xmp, "jpeg orientation 6")
    element = xmp(note="<tiff:Orientation>6</tiff:Orientation>")
    as_element = with_segments(plain, (APP1, XMP_HEAD + element))
    yield Case("jpeg orientation 6 as element", "XMP has two spellings.", as_element, "jpeg orientation 6")
    both = with_segments(plain, (APP1, XMP_HEAD + xmp(3)), (APP1, EXIF_HEAD + exif(6)))
    yield Case("jpeg orientation in both", "Exif goes before XMP.", both, "jpeg orientation 6")
    second = with_segments(plain, (APP1, XMP_HEAD + xmp(3)), (APP1, EXIF_HEAD + exif(note=b"none")))
    yield Case("jpeg orientation beside exif", "Exif without one: XMP.", second, "jpeg orientation 3")
    damaged = with_segments(plain, (APP1, EXIF_HEAD + exif(6)[:20]))
    yield Case("jpeg cut exif", "A directory that is cut off.", damaged, None)
    outside = bytearray(exif(6, note=b"caption"))
    struct.pack_into("<L", outside, 18, 4000)
    data = with_segments(plain, (APP1, EXIF_HEAD + outside))
    yield Case("jpeg exif value outside", "Pillow stops reading there.", data, None)


def _jpeg_poisoned() -> Iterator[Case]:
    plain = saved(picture(), "JPEG")
    segments = split_jpeg(plain)
    coarse = [
        segment._replace(body=segment.body[:1] + bytes(min(255, value * 4) for value in segment.body[1:]))
        if segment.marker == DQT
        else segment
        for segment in segments
    ]
    yield Case("jpeg other tables", "Quantisation tables times four: the scan is the same.", join_jpeg(coarse))
    adobe = b"Adobe\0\x64\0\0\0\0"
    bare = without_segments(plain, APP0)
    yield Case("jpeg adobe rgb", "Transform 0: the numbers are RGB.", with_segments(bare, (APP14, adobe + b"\0")))
    ycbcr = with_segments(bare, (APP14, adobe + b"\x01"))
    yield Case("jpeg adobe ycbcr", "Transform 1: as without it.", ycbcr, "jpeg")
    both = with_segments(plain, (APP14, adobe + b"\0"))
    yield Case("jpeg jfif and adobe rgb", "They contradict each other.", both, None)
    yield Case("jpeg cut adobe", "Too short to tell a transform.", with_segments(plain, (APP14, adobe)), None)
    renamed = [
        segment._replace(body=segment.body[:6] + b"R" + segment.body[7:9] + b"G" + segment.body[10:12] + b"B\x11\x01")
        if segment.marker == SOF0
        else segment._replace(body=b"\x03R\0G\x11B\x11" + segment.body[7:])
        if segment.marker == SOS
        else segment
        for segment in split_jpeg(bare)
    ]
    yield Case("jpeg components rgb", "Components R, G and B: the numbers are RGB.", join_jpeg(renamed))
    swapped = [*segments[:-2], segments[-2]._replace(coded=segments[-2].coded[:-4]), Segment(EOI, b"")]
    yield Case("jpeg shortened data", "Damaged, with an end of image: no name of a sound file.", join_jpeg(swapped))
