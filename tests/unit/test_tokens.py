"""Tokens as they are verified, where the API's tests do not reach."""

import pytest

from app.observe.metrics import Metrics
from app.services.access.current_keys import CurrentKeys
from app.services.access.errors import InvalidToken
from app.services.access.key_set import TokenKey, read_key_set
from app.services.access.token_rules import TokenRules
from app.services.access.tokens import TokenVerifier
from app.utils.clock import utc_now
from tests.support.issuer import AUDIENCE, ISSUER, rsa_key

RULES = TokenRules(ISSUER, (AUDIENCE,), ("RS256",), leeway_seconds=0, admin_claim=None)


class GoneAtOnce(CurrentKeys):
    """Keys of which one is found, and is gone before anything is verified by it."""

    def __init__(self) -> None:
        pass

    def find_known(self, key_id: str | None, algorithm: str) -> TokenKey | None:
        return None

    async def find(self, key_id: str | None, algorithm: str) -> TokenKey | None:
        return read_key_set(rsa_key().pem(), RULES.algorithms).find(key_id, algorithm)


async def test_a_token_whose_key_goes_while_it_waits_for_its_turn_is_not_remembered() -> None:
    verifier = TokenVerifier(GoneAtOnce(), RULES, Metrics(), utc_now)

    with pytest.raises(InvalidToken):
        await verifier.verify(rsa_key().token().encode(), b"digest")

    assert verifier.find(b"digest") is None
