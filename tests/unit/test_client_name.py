"""Whose call a question is, where clients are counted."""

from hashlib import sha256

import pytest

from app.services.access.keys import Access, KeyRing
from app.utils.client_name import client_name


@pytest.mark.parametrize(
    ("key_id", "user_id", "address", "name"),
    [
        ("app-1", "device-42", "192.0.2.7", "key:app-1"),
        (None, "device-42", "192.0.2.7", "user:device-42"),
        (None, None, "192.0.2.7", "address:192.0.2.7"),
        (None, None, "::ffff:192.0.2.7", "address:192.0.2.7"),
        (None, None, "2001:db8:1:2:3:4:5:6", "address:2001:db8:1:2::"),
        (None, None, "2001:db8:1:2::1", "address:2001:db8:1:2::"),
        (None, None, "2001:db8:1:3::1", "address:2001:db8:1:3::"),
        (None, None, None, "address:unknown"),
    ],
)
def test_a_client_is_its_key_else_its_user_else_its_network(
    key_id: str | None, user_id: str | None, address: str | None, name: str
) -> None:
    assert client_name(key_id, user_id, address) == name


def test_a_user_that_is_called_like_a_key_is_not_that_key() -> None:
    assert client_name(None, "key:app-1", None) != client_name("app-1", None, None)


def test_a_key_is_a_client_where_there_are_several_and_a_signature_says_more_than_a_key() -> None:
    several, one = (KeyRing(tuple(sha256(key).digest() for key in keys)) for keys in ((b"k", b"other"), (b"k",)))

    assert Access(several).key_id(b"k", None) == Access(several, signers=1).key_id(b"k", "app-1") != "app-1"
    assert Access(several).key_id(b"k", None) != Access(several).key_id(b"other", None)
    assert Access(several, signers=2).key_id(b"k", "app-1") == "app-1"
    assert Access(one, signers=1).key_id(b"k", "app-1") is None
    assert Access(several).key_id(None, None) is None
    assert Access(several).key_id(b"a.users.token", None) is None
