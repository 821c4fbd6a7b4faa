"""Tokens as they are verified, where the API's tests do not reach."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from app.observe.metrics import Metrics
from app.services.access.current_keys import CurrentKeys
from app.services.access.errors import InvalidToken
from app.services.access.key_set import TokenKey, read_key_set
from app.services.access.token_rules import TokenRules
from app.services.access.tokens import TokenVerifier
from app.utils.clock import utc_now
from tests.support.issuer import AUDIENCE, ISSUER, ec_key, rsa_key

RULES = TokenRules(ISSUER, (AUDIENCE,), ("RS256",), leeway_seconds=0, admin_claim=None)


class GoneAtOnce(CurrentKeys):
    """Keys of which one is found, and is gone before anything is verified by it."""

    def __init__(self) -> None:
        pass

    def find_known(self, key_id: str | None, algorithm: str) -> Sequence[TokenKey]:
        return ()

    async def find(self, key_id: str | None, algorithm: str) -> Sequence[TokenKey]:
        return read_key_set(rsa_key().pem(), RULES.algorithms).find(key_id, algorithm)


class Published(CurrentKeys):
    """Keys that are known."""

    def __init__(self, *jwks: dict[str, Any]) -> None:
        self.known = read_key_set(json.dumps({"keys": jwks}).encode(), RULES.algorithms)

    def find_known(self, key_id: str | None, algorithm: str) -> Sequence[TokenKey]:
        return self.known.find(key_id, algorithm)

    async def find(self, key_id: str | None, algorithm: str) -> Sequence[TokenKey]:
        return self.find_known(key_id, algorithm)


def same_id(of: str) -> dict[str, Any]:
    return rsa_key(of).jwk(kid="same")


@pytest.mark.parametrize("key_id", [None, "same"])
@pytest.mark.parametrize(
    "jwks",
    [
        [same_id("one"), same_id("two")],
        [same_id("two"), same_id("two")],
        [rsa_key("one").jwk(kid=None), rsa_key("two").jwk(kid=None)],
        [ec_key().jwk(kid=None), same_id("one"), same_id("two")],
    ],
)
async def test_a_token_is_tried_by_each_key_that_it_may_mean(key_id: str | None, jwks: list[dict[str, Any]]) -> None:
    keys = Published(*jwks)
    verifier = TokenVerifier(keys, RULES, Metrics(), utc_now)

    signed_in = await verifier.verify(rsa_key("two").token("uwe", {"kid": key_id}).encode(), b"digest")

    assert signed_in.user_id == "uwe"
    assert signed_in.key_name == keys.known.keys[-1].name
    with pytest.raises(InvalidToken, match="signature is wrong"):
        await verifier.verify(rsa_key("three").token("uwe", {"kid": key_id}).encode(), b"other")


async def test_a_token_whose_key_goes_while_it_waits_for_its_turn_is_not_remembered() -> None:
    verifier = TokenVerifier(GoneAtOnce(), RULES, Metrics(), utc_now)

    with pytest.raises(InvalidToken):
        await verifier.verify(rsa_key().token().encode(), b"digest")

    assert verifier.find(b"digest") is None
