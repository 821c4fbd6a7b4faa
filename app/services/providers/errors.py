"""Vendor errors stop here. Both SDKs are made by one generator, so their exceptions have the same names."""

import json
import re
from types import ModuleType

from app.errors import (
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
_CONTENT_FILTER_CODES = frozenset({"content_filter", "content_policy_violation"})


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
    """Return the vendor's own code for the error: in one SDK an attribute, in the other left in the body."""
    body = getattr(error, "body", None)
    inner = body.get("error") if isinstance(body, dict) else None
    if isinstance(inner, dict):
        return inner.get("code") or inner.get("type")
    return getattr(error, "code", None) or getattr(error, "param", None)


def _retry_after(error: Exception) -> int | None:
    """Return the vendor's Retry-After in whole seconds, if it gave one that a client may be told."""
    response = getattr(error, "response", None)
    text = response.headers.get("retry-after", "") if response is not None else ""
    return min(int(text), 3600) if text.isascii() and text.isdigit() else None
