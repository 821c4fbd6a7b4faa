"""No exception of a vendor goes unmapped: the SDKs are walked, so that a new one is met by name."""

import inspect
import re
from types import ModuleType
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from app.services.model.errors import (
    ModelBadAnswer,
    ModelDenied,
    ModelError,
    ModelMisconfigured,
    ModelRefused,
    ModelRejectedRequest,
    ModelTimeout,
    ModelUnavailable,
)
from app.services.model.providers.vendor_errors import translate

# By name, the same in both SDKs; what is not here is a status error and goes by its status.
BY_NAME: dict[str, type[ModelError]] = {
    "APITimeoutError": ModelTimeout,
    "APIConnectionError": ModelUnavailable,
    "APIResponseValidationError": ModelBadAnswer,
    "ContentFilterFinishReasonError": ModelRefused,
    "LengthFinishReasonError": ModelBadAnswer,
}
STATUSES: dict[int, type[ModelError]] = {
    307: ModelMisconfigured,
    400: ModelRejectedRequest,
    401: ModelMisconfigured,
    402: ModelMisconfigured,
    403: ModelDenied,
    404: ModelDenied,
    408: ModelUnavailable,
    409: ModelUnavailable,
    412: ModelRejectedRequest,
    413: ModelRejectedRequest,
    422: ModelRejectedRequest,
    429: ModelUnavailable,
    431: ModelRejectedRequest,
    499: ModelRejectedRequest,
    500: ModelUnavailable,
    501: ModelUnavailable,
    503: ModelUnavailable,
    504: ModelUnavailable,
    529: ModelUnavailable,
}


def exceptions_of(sdk: ModuleType) -> list[type[Exception]]:
    found = {value for value in list(vars(sdk).values()) if inspect.isclass(value) and issubclass(value, Exception)}
    return sorted(found, key=lambda kind: kind.__name__)


def status_error(sdk: ModuleType, kind: type[Exception], status: int) -> Any:
    error: Any = kind.__new__(kind)  # their constructors differ; what is read of them does not
    error.response = httpx2.Response(status, request=httpx2.Request("POST", "http://vendor"))
    error.status_code = status
    assert isinstance(error, sdk.APIStatusError)
    return error


def instances(sdk: ModuleType, kind: type[Exception]) -> list[tuple[Exception, type[ModelError]]]:
    """Return exceptions of a kind, each with what it has to become."""
    if issubclass(kind, sdk.APIStatusError):
        fixed = re.fullmatch(r"Literal\[(\d+)\]", str(kind.__annotations__.get("status_code")))
        statuses = [int(fixed.group(1))] if fixed else list(STATUSES)
        return [(status_error(sdk, kind, status), STATUSES[status]) for status in statuses]
    bare = kind.__new__(kind)
    return [(bare, BY_NAME.get(kind.__name__, ModelBadAnswer))]


@pytest.mark.parametrize("sdk", [openai, anthropic], ids=lambda sdk: sdk.__name__)
def test_every_exception_of_the_sdk_becomes_the_right_one_of_ours(sdk: ModuleType) -> None:
    kinds = exceptions_of(sdk)
    assert len(kinds) > 10

    for kind in kinds:
        for error, expected in instances(sdk, kind):
            assert type(translate(error, sdk)) is expected, f"{kind.__name__} {getattr(error, 'status_code', '')}"


@pytest.mark.parametrize("sdk", [openai, anthropic], ids=lambda sdk: sdk.__name__)
def test_the_names_this_table_knows_are_the_sdks_names(sdk: ModuleType) -> None:
    names = {kind.__name__ for kind in exceptions_of(sdk)}

    assert {"APITimeoutError", "APIConnectionError", "APIResponseValidationError", "APIStatusError"} <= names


@pytest.mark.parametrize("error", [TimeoutError(), IndexError(), AttributeError(), KeyError("x"), TypeError()])
def test_whatever_else_a_broken_reply_makes_the_sdk_stumble_over_is_ours_too(error: Exception) -> None:
    assert isinstance(translate(error, openai), ModelError)


def test_a_content_filters_400_is_a_refusal() -> None:
    error = status_error(openai, openai.BadRequestError, 400)
    error.code = "content_filter"

    assert isinstance(translate(error, openai), ModelRefused)
