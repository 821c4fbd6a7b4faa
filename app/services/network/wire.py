"""What a worker and the processes that run the network for it say to each other, beside what `utils.forking` has."""

import json
import struct

from app.models.domain import Category
from app.models.verdict import Verdict

# To a process: the seconds until the deadline and the size of the JPEG, which follows.
REQUEST_HEAD = struct.Struct("<dI")

# The kind of its reply.
VERDICT = b"V"


def pack_verdict(verdict: Verdict) -> bytes:
    seen = [verdict.faces, verdict.looks_like, verdict.group]
    return json.dumps([verdict.category, verdict.probability, dict(verdict.probabilities), *seen]).encode()


def unpack_verdict(packed: bytes) -> Verdict:
    category, probability, probabilities, faces, looks_like, group = json.loads(packed)
    by_category = {Category(name): float(each) for name, each in probabilities.items()}
    return Verdict(Category(category), float(probability), by_category, int(faces), looks_like, group)
