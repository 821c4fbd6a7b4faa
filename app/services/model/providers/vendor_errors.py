"""Vendor errors stop here. Both SDKs are made by one generator, so their exceptions have the same names."""

import json
import math
import re
import time
from email.utils import parsedate_to_datetime
from types import ModuleType

from app.services.model.errors import (
    ModelBadAnswer,
    ModelError,
    ModelMisconfigured,
    ModelRefused,
    ModelRejectedRequest,
    ModelTimeout,
    ModelUnavailable,
)

_OUR_CONFIGURATION = frozenset({401, 402, 403, 404})
_WORTH_ANOTHER_TRY = frozenset({408, 409, 429})
_MOST_RETRY_AFTER_SECONDS = 3600
_CONTENT_FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"})


def translate(error: Exception, sdk: ModuleType) -> ModelError:
    """Return our error for whatever an SDK raised: its own exceptions, or what a broken reply makes it stumble over.

    Texts of the vendor stay out, even of the log: they may quote the request.
    """
    name = type(error).__name__
    if isinstance(error, TimeoutError | sdk.APITimeoutError):
        return ModelTimeout(detail=name)
    if isinstance(error, sdk.APIStatusError):
        return _from_status(error.status_code, _code_of(error), _retry_after(error))
    if isinstance(error, sdk.APIConnectionError):
        return ModelUnavailable(detail=name)
    if isinstance(error, json.JSONDecodeError | sdk.APIResponseValidationError):
        return ModelBadAnswer(detail="the reply is not the vendor's JSON")
    if "ContentFilter" in name:
        return ModelRefused(detail=name)
    return ModelBadAnswer(detail=name)


def _from_status(status: int, code: object, retry_after_seconds: int | None) -> ModelError:
    if status in _OUR_CONFIGURATION:
        return ModelMisconfigured(
            detail=f"the vendor answered {status}: check LLM_API_KEY, its account, LLM_MODEL and LLM_BASE_URL"
        )
    if status in _WORTH_ANOTHER_TRY or status >= 500:
        return ModelUnavailable(detail=f"the vendor answered {status}", retry_after_seconds=retry_after_seconds)
    if code in _CONTENT_FILTER_CODES:
        return ModelRefused(detail=f"the vendor answered {status} {code}")
    return ModelRejectedRequest(detail=f"the vendor answered {status} {_identifier(code)}".rstrip())


def _identifier(code: object) -> str:
    """Return a vendor's error code if it is one: a word, not a text that could quote something."""
    return code if isinstance(code, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", code) else ""


def _code_of(error: Exception) -> object:
    """Return the vendor's own code for the error: an attribute in one SDK, in the body in the other and in Azure's."""
    body = getattr(error, "body", None)
    places = [body.get("error"), body] if isinstance(body, dict) else []
    for place in places:
        if isinstance(place, dict):
            inner = place.get("innererror")
            code = (inner.get("code") if isinstance(inner, dict) else None) or place.get("code") or place.get("type")
            if code:
                return code
    return getattr(error, "code", None) or getattr(error, "param", None)


def _retry_after(error: Exception) -> int | None:
    """Return the vendor's Retry-After in whole seconds, at most an hour: seconds, with a fraction or not, or a date."""
    response = getattr(error, "response", None)
    text = response.headers.get("retry-after", "") if response is not None else ""
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        return min(math.ceil(float(text)), _MOST_RETRY_AFTER_SECONDS) or None
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(1, min(math.ceil(seconds), _MOST_RETRY_AFTER_SECONDS))
