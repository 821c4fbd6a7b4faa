"""An identity provider: keys, a real HTTP server that publishes them, and tokens, true and forged.

Tokens are signed here by `cryptography` alone, not by the library that verifies them.
"""

import asyncio
import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ISSUER = "https://issuer.example.com/"
AUDIENCE = "image-classifier"


def in_base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _number(value: int, length: int = 0) -> str:
    return in_base64url(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


@dataclass(frozen=True)
class IssuerKey:
    """A key pair with an id."""

    key_id: str
    private: Any
    algorithm: str = "RS256"

    def jwk(self, **changes: Any) -> dict[str, Any]:
        """Return the public half as a JWK; None takes a member away."""
        public = self.private.public_key()
        match public:
            case rsa.RSAPublicKey():
                numbers = public.public_numbers()
                own = {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
            case ec.EllipticCurvePublicKey():
                point = public.public_numbers()
                own = {"kty": "EC", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32)}
            case _:
                own = {"kty": "OKP", "crv": "Ed25519", "x": in_base64url(public.public_bytes_raw())}
        members = {**own, "kid": self.key_id, "use": "sig", "alg": self.algorithm, **changes}
        return {name: value for name, value in members.items() if value is not None}

    def pem(self) -> bytes:
        """Return the public half as PEM."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        pem: bytes = self.private.public_key().public_bytes(serialization.Encoding.PEM, form)
        return pem

    def sign(self, data: bytes) -> bytes:
        """Return a JWS signature."""
        match self.private:
            case rsa.RSAPrivateKey():
                salted = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
                scheme = salted if self.algorithm == "PS256" else padding.PKCS1v15()
                signature: bytes = self.private.sign(data, scheme, hashes.SHA256())
            case ec.EllipticCurvePrivateKey():
                r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
                signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
            case _:
                signature = self.private.sign(data)
        return signature

    def token(self, subject: str = "device-42", header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a token, good for a day. `header` and `claims` change it; None takes a member away."""
        head, body = parts_of(subject, {"alg": self.algorithm, "kid": self.key_id, **(header or {})}, claims)
        return f"{head}.{body}.{in_base64url(self.sign(f'{head}.{body}'.encode()))}"


def parts_of(subject: str, header: dict[str, Any], claims: dict[str, Any]) -> tuple[str, str]:
    """Return the head and the body of a token, in base64url."""
    now = int(time.time())
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 86_400, **claims}
    parts = ({"typ": "JWT", **header}, said)
    head, body = (
        in_base64url(json.dumps({name: value for name, value in part.items() if value is not None}).encode())
        for part in parts
    )
    return head, body


def token_with_secret(secret: bytes, key_id: str) -> str:
    """Return a token signed by HS256 with a secret, such as the bytes of a public key."""
    head, body = parts_of("device-42", {"alg": "HS256", "kid": key_id}, {})
    return f"{head}.{body}.{in_base64url(hmac.digest(secret, f'{head}.{body}'.encode(), hashlib.sha256))}"


def unsigned_token(key_id: str, algorithm: str = "none") -> str:
    """Return a token without a signature."""
    head, body = parts_of("device-42", {"alg": algorithm, "kid": key_id}, {})
    return f"{head}.{body}."


@cache
def rsa_key(key_id: str = "first", algorithm: str = "RS256", bits: int = 2048) -> IssuerKey:
    """Return a key, the same for the same arguments."""
    return IssuerKey(key_id, rsa.generate_private_key(65537, bits), algorithm)


@cache
def ec_key(key_id: str = "curve") -> IssuerKey:
    return IssuerKey(key_id, ec.generate_private_key(ec.SECP256R1()), "ES256")


@cache
def ed25519_key(key_id: str = "edwards", algorithm: str = "EdDSA") -> IssuerKey:
    return IssuerKey(key_id, ed25519.Ed25519PrivateKey.generate(), algorithm)


@dataclass
class Issuer:
    """What is published at `url`. `status`, `body` and `hangs` say how the server misbehaves."""

    url: str = ""
    keys: list[IssuerKey] = field(default_factory=lambda: [rsa_key()])
    status: int = 200
    headers: str = ""
    body: bytes | None = None
    hangs: bool = False
    fetches: int = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close."""
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.fetches += 1
            if self.hangs:
                await reader.read()  # until the client gives up
                return
            body = self.body
            if body is None:
                body = json.dumps({"keys": [key.jwk() for key in self.keys]}).encode()
            head = f"HTTP/1.1 {self.status} X\r\ncontent-length: {len(body)}\r\n{self.headers}connection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def running_issuer(port: int = 0) -> AsyncIterator[Issuer]:
    """Publish keys until the end of the block."""
    issuer = Issuer()
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", port)
    issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"
    try:
        yield issuer
    finally:
        server.close()
