"""How a caller can fail to be admitted.

ServiceError
  Unauthorized                  401 unauthorized
    SignatureError
      MissingSignature          401 missing_signature
      InvalidSignature          401 invalid_signature
      ExpiredSignature          401 expired_signature
      ReplayedSignature         401 replayed_signature
  Forbidden                     403 forbidden
"""

from typing import ClassVar

from app.errors import ServiceError


class Unauthorized(ServiceError):
    """The caller did not say who it is. `challenge` is what it should answer (RFC 9110, `WWW-Authenticate`)."""

    status = 401
    code = "unauthorized"
    default_message = "Send a key of this service as 'Authorization: Bearer <key>' or as 'X-API-Key: <key>'."
    challenge: ClassVar[str] = 'Bearer realm="image-classifier"'


class SignatureError(Unauthorized):
    """The request is not signed as it has to be (docs/signatures.md)."""

    challenge = 'Signature realm="image-classifier"'


class MissingSignature(SignatureError):
    """The request has no signature."""

    code = "missing_signature"
    default_message = "Sign the request (RFC 9421): the headers Signature-Input and Signature are missing."


class InvalidSignature(SignatureError):
    """The signature is not one of this request by a key of ours."""

    code = "invalid_signature"
    default_message = "The signature is not one of this request by a known key."


class ExpiredSignature(SignatureError):
    """The signature was made too long ago, or by a clock that is ahead."""

    code = "expired_signature"
    default_message = "The signature's time is over, or has not come: check the clock, and sign each attempt anew."


class ReplayedSignature(SignatureError):
    """The signature has been used before."""

    code = "replayed_signature"
    default_message = "The signature has been used already: sign each attempt anew, with a nonce of its own."


class Forbidden(ServiceError):
    """The caller's address is not one that may read this."""

    status = 403
    code = "forbidden"
    default_message = "This is not open to your address."
