"""What can be wrong with a request, as one tree. Knows nothing of HTTP frameworks, vendors or drivers.

The rooms own their own errors below the same root: `services/access/errors.py`, `services/model/errors.py`.

ServiceError
  InvalidRequest                400 invalid_request
    InvalidImageHash            400 invalid_image_hash
    InvalidUserId               400 invalid_user_id
    HashMismatch                400 hash_mismatch
    MissingImage                400 missing_image
    InvalidImage                400 invalid_image
    UnsupportedFormat           400 unsupported_format
  NotFound                      404 not_found
  MethodNotAllowed              405 method_not_allowed
  RequestTimeout                408 request_timeout
  RequestTooLarge               413 request_too_large
    ImageTooLarge               413 image_too_large
    ImageTooManyPixels          413 image_too_many_pixels
  Refused                       422 model_refused
  QuotaExceeded                 429 quota_exceeded
  RequestHeaderTooLarge         431 headers_too_large
  DatabaseUnavailable           503 database_unavailable
    DatabaseNotInitialized      503 database_unavailable
    DatabaseMisconfigured       503 database_unavailable
  StatisticsNotBuilt            503 statistics_not_built
    RebuildDisturbed            503 statistics_not_built
  Overloaded                    503 overloaded
  InternalError                 500 internal_error
    DatabaseRejected            500 internal_error
      RecordPutAside            500 internal_error
"""

from typing import ClassVar


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


class TimedOut(Exception):
    """A mark of errors: no answer came within the time that this caller had. Who has more may get one."""


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


class RequestTimeout(ServiceError):
    """The request did not arrive in time."""

    status = 408
    code = "request_timeout"
    default_message = "The request did not arrive in time."


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


class Refused(ServiceError):
    """The models will not classify this image; asking again will not help."""

    status = 422
    code = "model_refused"
    default_message = "The model declined to classify this image."


class QuotaExceeded(ServiceError):
    """The client has had its part of what the models can do, or of what they may cost. Known answers are free."""

    status = 429
    code = "quota_exceeded"
    default_message = "You have had your share of new photos for now; those that are known are still answered."


class RequestHeaderTooLarge(ServiceError):
    """The request line and headers, or the trailers, are over their limits."""

    status = 431
    code = "headers_too_large"
    default_message = "The request line and headers are larger than 32 KiB together, or more than 100."


class DatabaseUnavailable(ServiceError):
    """The database did not answer, or not in time."""

    status = 503
    code = "database_unavailable"
    default_message = "The database is not available at the moment."


class DatabaseNotInitialized(DatabaseUnavailable):
    """The database answers but lacks tables, or migrations of them: `detail` names the command that adds them."""


class DatabaseMisconfigured(DatabaseUnavailable):
    """The database will not serve us until a person changes something; `detail` is a sentence that says what."""


class StatisticsNotBuilt(ServiceError):
    """The sums that statistics are told from lack what was there before them, or have the days of another zone."""

    status = 503
    code = "statistics_not_built"
    default_message = "The statistics are not complete: an operator has to run python -m app.cli rebuild."


class RebuildDisturbed(StatisticsNotBuilt):
    """The statistics were changed by another while they were built."""


class Overloaded(ServiceError):
    """A queue is full. Answered at once, so that the caller can back off."""

    status = 503
    code = "overloaded"
    default_message = "The service is busy; try again shortly."


class InternalError(ServiceError):
    """A defect of ours. The caller learns nothing but the request id."""

    status = 500
    code = "internal_error"
    default_message = "Something went wrong on our side; the request id names it in our log."


class DatabaseRejected(InternalError):
    """The database refused a statement or a value. To send the same again is in vain."""


class RecordPutAside(DatabaseRejected):
    """Some rows of a record do not fit into the database and were put aside; the others were written."""
