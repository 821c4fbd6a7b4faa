"""What the audit calls who made a change tells users from keys, and users from one another."""

import re
from hashlib import sha256

import pytest

from app.services.access.keys import audit_name_of
from app.services.access.settings import parse_keys
from app.services.access.tokens import user_id_of

ROOM = re.compile(r"[!-~]{1,32}")
"""The column's: 32 characters of ASCII."""


@pytest.mark.parametrize("user_id", ["olga", "a" * 27, "olga@example.com", "ci.bot", "cli"])
def test_a_user_is_called_as_they_are_and_as_no_key_can_be(user_id: str) -> None:
    name = audit_name_of(user_id)

    assert name == f"user:{user_id}"
    assert ROOM.fullmatch(name)
    with pytest.raises(ValueError, match="takes keys of characters"):
        parse_keys(f"{name}:{'k' * 20}")


def test_users_whose_long_ids_begin_alike_have_names_of_their_own() -> None:
    ids = [
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "f47ac10b-58cc-4372-a567-0e02b2c3d470",
        "a" * 28,
        "a" * 64,
        user_id_of("auth0|5f7c8ec7c33c6c004bbafe82"),
    ]
    names = [audit_name_of(user_id) for user_id in ids]

    assert len(set(names)) == len(ids)
    assert all(len(name) == 32 and ROOM.fullmatch(name) for name in names)
    assert names[0] == f"user:f47ac10b-58cc-4372~{sha256(ids[0].encode()).hexdigest()[:8]}"
