"""Every way a request can fail, as one tree. Knows nothing of HTTP frameworks, vendors or drivers.

ServiceError
  InvalidRequest                400 invalid_request
    InvalidImageHash            400 invalid_image_hash
    InvalidUserId               400 invalid_user_id
    HashMismatch                400 hash_mismatch
    MissingImage                400 missing_image
    InvalidImage                400 invalid_image
    UnsupportedFormat           400 unsupported_format
  Unauthorized                  401 unauthorized
    SignatureError
      MissingSignature          401 missing_signature
      InvalidSignature          401 invalid_signature
      ExpiredSignature          401 expired_signature
      ReplayedSignature         401 replayed_signature
  Forbidden                     403 forbidden
  NotFound                      404 not_found
  MethodNotAllowed              405 method_not_allowed
  RequestTooLarge               413 request_too_large
    ImageTooLarge               413 image_too_large
    ImageTooManyPixels          413 image_too_many_pixels
  ModelError
    ModelRefused                422 model_refused
    ModelBadAnswer              502 model_bad_answer
      ModelRejectedRequest      502 model_bad_answer
    ModelUnavailable            503 model_unavailable
      ModelMisconfigured        503 model_unavailable
      ModelCircuitOpen          503 model_unavailable
    ModelTimeout                504 model_timeout
  DatabaseUnavailable           503 database_unavailable
    DatabaseNotInitialized      503 database_unavailable
  Overloaded                    503 overloaded
    ModelOverloaded             503 overloaded, a ModelError too
  InternalError                 500 internal_error
"""

from typing import ClassVar

from app.models.domain import Usage


class ServiceError(Exception):
    """A failure with a public face.

    `message` is what the caller reads; it never holds a value the caller sent, nor anything internal.
    `detail` is for the log only.
    """

    status: ClassVar[int]
    code: ClassVar[str]
    default_message: ClassVar[str]

    def __init__(
        self, message: str | None = None, *, detail: str | None = None, retry_after_seconds: int | None = None
    ) -> None:
        self.message = message or self.default_message
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds
        super().__init__(detail or self.message)


class InvalidRequest(ServiceError):
    """The request is not of the documented form."""

    status = 400
    code = "invalid_request"
    default_message = "The request is not of the documented form."


class InvalidImageHash(InvalidRequest):
    """`image_hash` is not a SHA-256 in hex."""

    code = "invalid_image_hash"
    default_message = "image_hash must be the SHA-256 of the image file as 64 hexadecimal characters."


class InvalidUserId(InvalidRequest):
    """The user id has a form that is not accepted."""

    code = "invalid_user_id"
    default_message = "The user id must be 1 to 64 characters from A-Z a-z 0-9 . _ : @ -"


class HashMismatch(InvalidRequest):
    """The supplied hash is not the hash of the supplied bytes."""

    code = "hash_mismatch"
    default_message = "image_hash is not the SHA-256 of the uploaded image: the upload was damaged or altered."


class MissingImage(InvalidRequest):
    """The upload has no image in it."""

    code = "missing_image"
    default_message = "Send the image as a file in the multipart/form-data part named 'image'."


class InvalidImage(InvalidRequest):
    """The bytes do not decode as the image they claim to be."""

    code = "invalid_image"
    default_message = "The image is damaged or incomplete."


class UnsupportedFormat(InvalidRequest):
    """The bytes are no image, or one of a format that is not accepted."""

    code = "unsupported_format"
    default_message = "The file is not an image of an accepted format."


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
    """There is no signature."""

    code = "missing_signature"
    default_message = "Sign the request (RFC 9421): the headers Signature-Input and Signature are missing."


class InvalidSignature(SignatureError):
    """There is one, but not of this request by a key of ours."""

    code = "invalid_signature"
    default_message = "The signature is not one of this request by a known key."


class ExpiredSignature(SignatureError):
    """It was made too long ago, or by a clock that is ahead."""

    code = "expired_signature"
    default_message = "The signature's time is over, or has not come: check the clock, and sign each attempt anew."


class ReplayedSignature(SignatureError):
    """It has been used before."""

    code = "replayed_signature"
    default_message = "The signature has been used already: sign each attempt anew, with a nonce of its own."


class Forbidden(ServiceError):
    """Not from this address."""

    status = 403
    code = "forbidden"
    default_message = "This is not open to your address."


class NotFound(ServiceError):
    """There is nothing at this address, or not for this caller."""

    status = 404
    code = "not_found"
    default_message = "There is nothing here."


class MethodNotAllowed(ServiceError):
    """The address exists, the method does not."""

    status = 405
    code = "method_not_allowed"
    default_message = "This address does not take this method."


class RequestTooLarge(ServiceError):
    """The body is over its limit in bytes."""

    status = 413
    code = "request_too_large"
    default_message = "The request body is too large."


class ImageTooLarge(RequestTooLarge):
    """The image file is over its limit in bytes."""

    code = "image_too_large"
    default_message = "The image file is too large."


class ImageTooManyPixels(RequestTooLarge):
    """The image is over its limit in pixels."""

    code = "image_too_many_pixels"
    default_message = "The image has too many pixels."


class ModelError(ServiceError):
    """No classification could be had from a model.

    `retryable` says whether the same question may fare better a moment later, `our_configuration` that no question
    will until an operator mends a setting.
    """

    retryable: ClassVar[bool] = False
    our_configuration: ClassVar[bool] = False
    usage: Usage = Usage()
    """What was paid all the same; set by whoever knows."""


class ModelRefused(ModelError):
    """The model will not classify this image; asking again will not help."""

    status = 422
    code = "model_refused"
    default_message = "The model declined to classify this image."


class ModelBadAnswer(ModelError):
    """The model answered something that is not a classification."""

    status = 502
    code = "model_bad_answer"
    default_message = "The model gave no usable answer."
    retryable = True


class ModelRejectedRequest(ModelBadAnswer):
    """The vendor will not take the request as it is: asking the same again is the same again."""

    retryable = False


class ModelUnavailable(ModelError):
    """The model cannot be reached or is overloaded."""

    status = 503
    code = "model_unavailable"
    default_message = "The model is not available at the moment."
    retryable = True


class ModelMisconfigured(ModelUnavailable):
    """The vendor knows neither our key, nor our account, nor our model."""

    retryable = False
    our_configuration = True


class ModelCircuitOpen(ModelUnavailable):
    """The model has failed so often that it is left alone for a while."""

    retryable = False


class ModelTimeout(ModelError):
    """The model gave no answer within the time budget."""

    status = 504
    code = "model_timeout"
    default_message = "The model did not answer in time."


class DatabaseUnavailable(ServiceError):
    """The database did not answer, or not in time."""

    status = 503
    code = "database_unavailable"
    default_message = "The database is not available at the moment."


class DatabaseNotInitialized(DatabaseUnavailable):
    """The database answers but has no tables: nobody has run sql/init.sql."""


class Overloaded(ServiceError):
    """A queue is full. Answered at once, so that the caller can back off."""

    status = 503
    code = "overloaded"
    default_message = "The service is busy; try again shortly."


class ModelOverloaded(Overloaded, ModelError):
    """So many questions wait for this model already: that says nothing about the model."""


class InternalError(ServiceError):
    """A defect of ours. The caller learns nothing but the request id."""

    status = 500
    code = "internal_error"
    default_message = "Something went wrong on our side; the request id names it in our log."
