"""Public keys as issuers publish them: which are taken, for which algorithms, and which one a token means."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.services.access.key_set import MAX_FITTING, MAX_KEYS, KeySet, read_key_set
from tests.support.issuer import IssuerKey, ec_key, ed25519_key, rsa_key

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")


def jwk_set(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


def read(*keys: dict[str, Any]) -> KeySet:
    return read_key_set(jwk_set(*keys), ALGORITHMS)


def test_a_key_takes_the_algorithms_of_its_kind_or_the_one_that_it_names() -> None:
    named = read(rsa_key().jwk(), ec_key().jwk(), ed25519_key().jwk())
    unnamed = read(rsa_key().jwk(alg=None), ec_key().jwk(alg=None), ed25519_key().jwk(alg=None))

    assert [key.algorithms for key in named.keys] == [{"RS256"}, {"ES256"}, {"EdDSA"}]
    assert [key.algorithms for key in unnamed.keys] == [{"RS256", "PS256"}, {"ES256"}, {"EdDSA", "Ed25519"}]


def test_an_algorithm_that_the_settings_do_not_name_is_taken_by_no_key() -> None:
    with pytest.raises(ValueError, match="no public key"):
        read_key_set(jwk_set(rsa_key().jwk()), ["ES256"])


@pytest.mark.parametrize(
    "useless",
    [
        lambda: {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
        lambda: rsa_key().jwk(use="enc"),
        lambda: rsa_key().jwk(alg="RSA-OAEP"),
        lambda: rsa_key().jwk(alg="HS256"),
        lambda: rsa_key().jwk(use=None, key_ops=["sign"]),
        lambda: rsa_key("short", bits=1024).jwk(),
        lambda: rsa_key().jwk(n="AQAB"),
        lambda: rsa_key().jwk(n="not base64!"),
        lambda: rsa_key().jwk(kid=7),
        lambda: ec_key().jwk(x="AA"),
        lambda: ec_key().jwk(crv="P-257"),
        lambda: {"kty": "quantum"},
        lambda: {},
        lambda: [],
        lambda: None,
        lambda: "key",
        lambda: 7,
    ],
)
def test_a_key_of_no_use_is_passed_over(useless: Callable[[], Any]) -> None:
    keys = read_key_set(json.dumps({"keys": [useless(), ec_key().jwk()]}).encode(), ALGORITHMS)

    assert [key.key_id for key in keys.keys] == ["curve"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>not found</html>",
        b"{",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": ' + b"[" * 100_000,
        jwk_set(*[{"kty": "EC"}] * (MAX_KEYS + 1)),
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        b"\xff\xfe",
    ],
)
def test_what_is_no_key_set_is_an_error_without_its_text(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        read_key_set(text, ALGORITHMS)

    assert "AAAA" not in str(caught.value)
    assert "html" not in str(caught.value)


def test_a_token_means_the_key_of_its_id() -> None:
    keys = read(rsa_key("one").jwk(), rsa_key("two").jwk())

    assert [key.key_id for key in keys.find("two", "RS256")] == ["two"]
    assert keys.find("three", "RS256") == ()
    assert keys.find("two", "PS256") == ()


def test_two_keys_of_one_id_are_told_apart_by_their_algorithms() -> None:
    keys = read(rsa_key("one").jwk(), ec_key("one").jwk())

    assert [key.algorithms for key in keys.find("one", "ES256")] == [{"ES256"}]


def test_a_key_that_is_published_twice_is_one() -> None:
    keys = read(rsa_key("one").jwk(), rsa_key("one").jwk(x5t="abc"), ec_key().jwk())

    assert [key.key_id for key in keys.keys] == ["one", "curve"]
    assert len(keys.find("one", "RS256")) == 1


def test_a_token_without_an_id_means_all_keys_that_fit() -> None:
    keys = read(rsa_key("one").jwk(), ec_key().jwk(), rsa_key("two").jwk())

    assert [key.key_id for key in keys.find(None, "RS256")] == ["one", "two"]


def test_more_keys_than_a_token_may_be_tried_by_are_none() -> None:
    jwks = [ed25519_key(f"key-{number}").jwk() for number in range(MAX_FITTING + 1)]

    assert len(read(*jwks[:-1]).find(None, "EdDSA")) == MAX_FITTING
    assert read(*jwks).find(None, "EdDSA") == ()
    assert len(read(*jwks).find("key-0", "EdDSA")) == 1


@pytest.mark.parametrize("make_key", [rsa_key, ec_key, ed25519_key])
def test_a_pem_key_is_meant_whatever_id_a_token_names(make_key: Callable[[], IssuerKey]) -> None:
    key = make_key()
    keys = read_key_set(key.pem(), ALGORITHMS)

    assert keys.find("any", key.algorithm) == keys.find(None, key.algorithm) == tuple(keys.keys)


def test_a_key_has_the_same_name_as_long_as_it_is_the_same_key() -> None:
    one = read(rsa_key("one").jwk())

    assert one.names == read(rsa_key("one").jwk(x5t="abc"), ec_key().jwk()).names - read(ec_key().jwk()).names
    assert one.names.isdisjoint(read({**rsa_key("two").jwk(), "kid": "one"}).names)
    assert one.names.isdisjoint(read(rsa_key("one").jwk(kid="two")).names)
    assert one.names.isdisjoint(read(rsa_key("one").jwk(alg="PS256")).names)
