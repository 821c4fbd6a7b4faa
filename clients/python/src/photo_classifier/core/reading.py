"""Reads the service's answers: a value where it knows, an error of ours where it does not."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from photo_classifier.answer import Answer, read_answer
from photo_classifier.core.wire import Response
from photo_classifier.errors import ClassifierError, UnexpectedAnswer, service_error

Checked = Answer | ClassifierError | None
"""Of one photo that was asked for by its hashes: None: not known, upload it."""


def read_check(response: Response) -> Answer | None:
    """Return the known answer, or None where the photo has to be uploaded. Raises `ClassifierError`."""
    return _answer_or_miss(_body_of(response), response.request_id)


def read_batch(response: Response, count: int) -> list[Checked]:
    """Return what is known of each photo, in order. Raises `ClassifierError` where all have failed together."""
    results = _body_of(response).get("results")
    if not isinstance(results, list) or len(results) != count:
        raise UnexpectedAnswer("The answer has not one result for each photo.", request_id=response.request_id)
    return [_checked(result, response.request_id) for result in results]


def read_upload(response: Response, uploaded_bytes: int) -> Answer:
    """Return the answer to an upload. Raises `ClassifierError`."""
    return _read(_body_of(response), response.request_id, uploaded_bytes)


def _checked(result: Any, request_id: str | None) -> Checked:
    if not isinstance(result, dict):
        return UnexpectedAnswer("A result is not a JSON object.", request_id=request_id)
    if result.get("success") is False:
        code, message = _error_of(result)
        return service_error(200, code, message, request_id, None)
    try:
        return _answer_or_miss(result, request_id)
    except UnexpectedAnswer as error:
        return error


def _answer_or_miss(body: dict[str, Any], request_id: str | None) -> Answer | None:
    if body.get("cached") is False:
        return None
    return _read(body, request_id, 0)


def _read(body: dict[str, Any], request_id: str | None, uploaded_bytes: int) -> Answer:
    try:
        return read_answer(body, uploaded_bytes)
    except (KeyError, TypeError, ValueError) as error:
        message = "The answer is not one of the photo classification service."
        raise UnexpectedAnswer(message, request_id=request_id) from error


def _body_of(response: Response) -> dict[str, Any]:
    if response.status != 200:
        raise _failure(response)
    return response.json()


def _failure(response: Response) -> ClassifierError:
    """Return the error of a response; a proxy's page in place of the service's JSON is one too."""
    if 300 <= response.status < 400:  # not followed, so that no photo goes to another host
        where = response.headers.get("location", "elsewhere")
        return UnexpectedAnswer(f"The server redirects to {where}: is the address right?")
    try:
        code, message = _error_of(response.json())
    except UnexpectedAnswer:
        code, message = None, f"The server answered {response.status}."
    wait = read_retry_after(response.headers)
    return service_error(response.status, code, message, response.request_id, wait)


def _error_of(body: Mapping[str, Any]) -> tuple[str | None, str]:
    error = body.get("error")
    if not isinstance(error, dict):
        return None, "The server gave no reason."
    return str(error.get("code") or "") or None, str(error.get("message") or "")


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds to wait by `Retry-After`: seconds, or a date."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
