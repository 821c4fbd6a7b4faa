"""How a photo is recognised: by which names an answer is found, and what the photo looks like."""

from dataclasses import dataclass
from enum import StrEnum


class MatchedBy(StrEnum):
    """By which kind of name a known answer was found, the surest first."""

    BYTES = "bytes"
    """SHA-256 of the file."""

    CONTENT = "content"
    """SHA-256 of what decodes, without metadata: `docs/content-hash.md`."""

    QUESTION = "question"
    """SHA-256 of the prepared JPEG: a model would be asked the same."""

    NEAR = "near"
    """Another picture that looks alike: PDQ within `NEAR_MAX_DISTANCE`."""

    def is_no_surer_than(self, other: "MatchedBy") -> bool:
        kinds = list(MatchedBy)
        return kinds.index(self) >= kinds.index(other)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a photo looks like, upright and on white: its PDQ (256 bits as 32 bytes, the first bit first), the quality
    of that from 0 to 100, and the size of the original in pixels."""

    pdq: bytes
    quality: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Alias:
    """One more name of an answer. `distance` is there where it was found by what it looks like: bits of PDQ."""

    name: str
    matched_by: MatchedBy
    distance: int | None = None


@dataclass(frozen=True, slots=True)
class Naming:
    """What is to be written down about the names of one answer."""

    image_hash: str
    """The photo that was paid for: the key of the answer's row."""

    aliases: tuple[Alias, ...] = ()
    fingerprint: Fingerprint | None = None
    """Of the photo that was paid for, for others to be found near it."""

    image_size: int | None = None
    """Bytes of that photo's file, where its row is from before there were sizes."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A near match of a photo that a model was asked about all the same. Whether both agree is the evidence for serving
    near matches."""

    neighbour_hash: str
    distance: int
    category: str
    """The neighbour's: what would have been served."""


@dataclass(frozen=True, slots=True)
class MatchTotals:
    """Sums over the requests of one kind. `not_uploaded` of them were answered by a name alone, without the file;
    `saved_bytes` is what their files weigh together, as far as that is known."""

    matched_by: MatchedBy | None
    """None where a model was asked, and for hits by a kind of name that this version does not know."""

    from_cache: bool
    requests: int
    not_uploaded: int
    saved_bytes: int
