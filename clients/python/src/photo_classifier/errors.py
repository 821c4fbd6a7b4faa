"""What can go wrong with a photo, as one tree.

ClassifierError
  ClientClosed                the client was closed while it was at work
  PhotoUnreadable             the file cannot be read here, or is larger than this client takes
  ConnectionFailed            no answer came: refused, reset, cut off, a wrong certificate
    TimedOut                  no answer came in time
  UnexpectedAnswer            an answer, but not of this service
  ServiceError                the service said no, `code` says why
    InvalidRequest            400
      InvalidPhoto            400 invalid_image, unsupported_format
      HashMismatch            400 hash_mismatch: the upload was altered on its way
    KeyRefused                401, 403: a wrong key or signature, or not from this address
    NotOffered                404, 405: this server, or this version of it, does not have the call
    PhotoTooLarge             413
    ModelRefused              422
    LimitReached              429, and 503 budget_exhausted: later, `retry_after_seconds` says when
      BudgetExhausted         503 budget_exhausted
      QuotaExceeded           429 quota_exceeded
    ServiceUnavailable        408, 503, and a proxy's own 502 and 504
    ModelFailed               502 model_bad_answer, 504 model_timeout
    ServiceFailed             500, and any other status
"""


class ClassifierError(Exception):
    """A failure. `request_id` names it in the service's log, where an answer came. `tries` is how often was asked."""

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.request_id = request_id
        self.tries = 1

    @property
    def code(self) -> str:
        """A word for programs: the service's own where it answered, else the name of the class."""
        return type(self).__name__


class ClientClosed(ClassifierError):
    """The client was closed while it was at work."""


class PhotoUnreadable(ClassifierError):
    """The file cannot be read here, or is larger than this client takes."""


class ConnectionFailed(ClassifierError):
    """No answer came."""

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final
        """Whether it is in vain to try again: a certificate does not become right."""


class TimedOut(ConnectionFailed):
    """No answer came in time."""


class UnexpectedAnswer(ClassifierError):
    """An answer that is not this service's: a login page of a network, another server at that address."""


class ServiceError(ClassifierError):
    """The service said no."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id)
        self.status = status
        """Of the answer; 200 where the answer was about many photos, and this one failed."""
        self.retry_after_seconds = retry_after_seconds
        self._code = code

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" + (f" ({self.request_id})" if self.request_id else "")

    @property
    def code(self) -> str:
        """The service's word for what went wrong, as docs/apps.md lists them; `http_<status>` where it gave none."""
        return self._code


class InvalidRequest(ServiceError):
    """The request is not of the documented form."""


class InvalidPhoto(InvalidRequest):
    """The file is damaged, or no picture of an accepted format."""


class HashMismatch(InvalidRequest):
    """The upload was altered on its way."""


class KeyRefused(ServiceError):
    """A wrong key or signature, or not from this address."""


class NotOffered(ServiceError):
    """This server does not have the call."""


class PhotoTooLarge(ServiceError):
    """Too many bytes or pixels."""


class ModelRefused(ServiceError):
    """The model will not classify this photo; asking again will not help."""


class LimitReached(ServiceError):
    """Too many requests, or what they may cost is spent."""


class BudgetExhausted(LimitReached):
    """What models may cost is spent for now."""


class QuotaExceeded(LimitReached):
    """This client has had its part of new photos."""


class ServiceUnavailable(ServiceError):
    """The service cannot answer at the moment."""


class ModelFailed(ServiceError):
    """The model gave no usable answer, or none in time."""


class ServiceFailed(ServiceError):
    """A defect of the service, or a status that this client does not know."""


_BY_CODE: dict[str, type[ServiceError]] = {
    "invalid_image": InvalidPhoto,
    "unsupported_format": InvalidPhoto,
    "hash_mismatch": HashMismatch,
    "budget_exhausted": BudgetExhausted,
    "quota_exceeded": QuotaExceeded,
    "model_bad_answer": ModelFailed,
    "model_timeout": ModelFailed,
    "model_refused": ModelRefused,
    "model_unavailable": ServiceUnavailable,
    "database_unavailable": ServiceUnavailable,
    "overloaded": ServiceUnavailable,
    "internal_error": ServiceFailed,
}
_BY_STATUS: dict[int, type[ServiceError]] = {
    200: InvalidRequest,
    400: InvalidRequest,
    401: KeyRefused,
    403: KeyRefused,
    404: NotOffered,
    405: NotOffered,
    408: ServiceUnavailable,
    413: PhotoTooLarge,
    422: ModelRefused,
    429: LimitReached,
    500: ServiceFailed,
    502: ServiceUnavailable,
    503: ServiceUnavailable,
    504: ServiceUnavailable,
}


def service_error(
    status: int, code: str | None, message: str, request_id: str | None, retry_after_seconds: float | None
) -> ServiceError:
    """Return the error for what the service said."""
    kind = _BY_CODE.get(code or "") or _BY_STATUS.get(status, ServiceFailed)
    return kind(
        message,
        status=status,
        code=code or f"http_{status}",
        request_id=request_id,
        retry_after_seconds=retry_after_seconds,
    )
