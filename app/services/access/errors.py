"""How a caller can fail to be admitted.

ServiceError
  Unauthorized                  401 unauthorized
    SignatureError
      MissingSignature          401 missing_signature
      InvalidSignature          401 invalid_signature
      ExpiredSignature          401 expired_signature
      ReplayedSignature         401 replayed_signature
    InvalidToken                401 invalid_token
      ExpiredToken              401 expired_token
  Forbidden                     403 forbidden
  SignInUnavailable             503 sign_in_unavailable
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


class InvalidToken(Unauthorized):
    """The token is not one of this service's issuer for this service (docs/sign-in.md)."""

    code = "invalid_token"
    default_message = "The token is damaged, or is not one that this service accepts."
    challenge = 'Bearer realm="image-classifier", error="invalid_token"'


class ExpiredToken(InvalidToken):
    """The token was good once: a new one has to be asked for."""

    code = "expired_token"
    default_message = "The token's time is over: ask its issuer for a new one."


class Forbidden(ServiceError):
    """The caller's address is not one that may read this."""

    status = 403
    code = "forbidden"
    default_message = "This is not open to your address."


class SignInUnavailable(ServiceError):
    """Nobody can say whether the token is good: the issuer's keys cannot be read."""

    status = 503
    code = "sign_in_unavailable"
    default_message = "The keys that tokens are verified by cannot be read at the moment."
