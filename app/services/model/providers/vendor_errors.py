"""Vendor errors stop here. Both SDKs are made by one generator, so their exceptions have the same names."""

import json
import math
import re
import time
from email.utils import parsedate_to_datetime
from types import ModuleType

from app.services.model.errors import (
    ModelBadAnswer,
    ModelDenied,
    ModelError,
    ModelLaneFull,
    ModelMisconfigured,
    ModelRefused,
    ModelRejectedRequest,
    ModelTimeout,
    ModelUnavailable,
)

_OUR_CONFIGURATION = frozenset({401, 402})
_DENIED = frozenset({403, 404})
_WORTH_ANOTHER_TRY = frozenset({408, 409, 429})
_LANE_FULL = "resource_unavailable"
_MOST_RETRY_AFTER_SECONDS = 3600
_MOST_OF_A_MESSAGE = 4000

_CONTENT_FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"})
# Servers in front of a vendor replace its code, and say it in the message only.
_FILTERED_MESSAGE = re.compile(
    r"ContentPolicyViolationError|content_policy_violation|content management policy|input was flagged", re.IGNORECASE
)
_UNKNOWN_MODEL_MESSAGE = re.compile(r"\binvalid model name\b", re.IGNORECASE)


def translate(error: Exception, sdk: ModuleType) -> ModelError:
    """Return our error for whatever an SDK raised: its own exceptions, or what a broken reply makes it stumble over.

    Texts of the vendor stay out, even of the log: they may quote the request.
    """
    name = type(error).__name__
    if isinstance(error.__cause__, ModelError):
        # From our HTTP client, with the SDK's exception around it. A new one, since that will be its cause.
        return type(error.__cause__)(detail=error.__cause__.detail)
    if isinstance(error, TimeoutError | sdk.APITimeoutError):
        return ModelTimeout(detail=name)
    if isinstance(error, sdk.APIStatusError):
        return _from_status(error.status_code, error)
    if isinstance(error, sdk.APIConnectionError):
        return ModelUnavailable(detail=name)
    if isinstance(error, json.JSONDecodeError | sdk.APIResponseValidationError):
        return ModelBadAnswer(detail="the reply is not the vendor's JSON")
    if "ContentFilter" in name:
        return ModelRefused(detail=name)
    return ModelBadAnswer(detail=name)


def _from_status(status: int, error: Exception) -> ModelError:
    if 300 <= status < 400:
        return ModelMisconfigured(
            detail=f"the vendor answered {status}; redirects are not followed: set LLM_BASE_URL to the final address"
        )
    if status in _OUR_CONFIGURATION:
        return ModelMisconfigured(detail=f"the vendor answered {status}: check LLM_API_KEY and its account")
    if status == 429 and _LANE_FULL in _codes(error):
        return ModelLaneFull(detail="the vendor has no room in this lane", retry_after_seconds=_retry_after(error))
    if status in _WORTH_ANOTHER_TRY or status >= 500:
        return ModelUnavailable(detail=f"the vendor answered {status}", retry_after_seconds=_retry_after(error))
    code = _identifier(error)
    if _is_filtered(error):
        return ModelRefused(detail=f"the vendor answered {status} {code}".rstrip())
    if status in _DENIED:
        return ModelDenied(
            detail=f"the vendor answered {status}: check LLM_MODEL, LLM_BASE_URL and what LLM_API_KEY may do"
        )
    if _says(_UNKNOWN_MODEL_MESSAGE, error):
        return ModelDenied(detail=f"the vendor answered {status}: it does not know LLM_MODEL")
    return ModelRejectedRequest(detail=f"the vendor answered {status} {code}".rstrip())


def _is_filtered(error: Exception) -> bool:
    """Return whether a filter disliked the image: by the vendor's code, by its metadata, or by its message."""
    for place in _places(error):
        metadata = place.get("metadata")
        if isinstance(metadata, dict) and (metadata.get("reasons") or metadata.get("flagged_input")):
            return True
    return not _CONTENT_FILTER_CODES.isdisjoint(_codes(error)) or _says(_FILTERED_MESSAGE, error)


def _says(pattern: re.Pattern[str], error: Exception) -> bool:
    """Return whether a message of the vendor matches. It is looked at and never kept: it may quote the request."""
    messages = [place.get("message") for place in _places(error)]
    return any(isinstance(message, str) and pattern.search(message[:_MOST_OF_A_MESSAGE]) for message in messages)


def _places(error: Exception) -> list[dict[str, object]]:
    """Return the objects of the vendor's answer that may describe the error: one SDK unwraps them, Azure nests them."""
    body = getattr(error, "body", None)
    places = [body.get("error"), body] if isinstance(body, dict) else []
    found = [place for place in places if isinstance(place, dict)]
    inner = [place["innererror"] for place in found if isinstance(place.get("innererror"), dict)]
    return [*inner, *found]


def _codes(error: Exception) -> list[str]:
    """Return the vendor's codes for the error, the most exact first."""
    found = [place.get(key) for place in _places(error) for key in ("code", "type", "error_type")]
    found += [getattr(error, "code", None), getattr(error, "param", None)]
    return [code for code in found if isinstance(code, str)]


def _identifier(error: Exception) -> str:
    """Return the vendor's code if it is one: a word, not a text that could quote something."""
    return next((code for code in _codes(error) if re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,59}", code)), "")


def _retry_after(error: Exception) -> int | None:
    """Return the vendor's Retry-After in whole seconds, at most an hour: seconds, with a fraction or not, or a date."""
    response = getattr(error, "response", None)
    headers = response.headers if response is not None else {}
    text = headers.get("retry-after") or headers.get("llm_provider-retry-after") or ""  # the second is LiteLLM's
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        return min(math.ceil(float(text)), _MOST_RETRY_AFTER_SECONDS) or None
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(1, min(math.ceil(seconds), _MOST_RETRY_AFTER_SECONDS))
