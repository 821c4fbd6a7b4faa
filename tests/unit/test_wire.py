"""What a process that decodes says is what its worker understands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ImageTooManyPixels, InvalidImage, ServiceError, UnsupportedFormat
from app.models.identity import Fingerprint
from app.services.images import wire
from app.utils.image_cost import DecodingCost
from app.utils.image_utils import Prepared

SIZES = st.integers(0, 2**32 - 1)
FINGERPRINTS = st.builds(Fingerprint, st.binary(min_size=32, max_size=32), st.integers(0, 100), SIZES, SIZES)


@given(st.builds(Prepared, st.binary(), FINGERPRINTS))
def test_a_prepared_picture_arrives_as_it_was_sent(prepared: Prepared) -> None:
    assert wire.unpack_prepared(wire.pack_prepared(prepared)) == prepared


@given(st.builds(DecodingCost, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)))
def test_a_cost_arrives_as_it_was_sent(cost: DecodingCost) -> None:
    assert wire.unpack_cost(wire.pack_cost(cost)) == cost


@pytest.mark.parametrize("kind", [InvalidImage, UnsupportedFormat, ImageTooManyPixels])
def test_a_refusal_arrives_as_it_was_sent(kind: type[ServiceError]) -> None:
    refused = kind("Not this one.", detail="Why")

    received = wire.unpack_refusal(wire.pack_refusal(refused))

    assert (type(received), received.message, received.detail) == (kind, "Not this one.", "Why")
