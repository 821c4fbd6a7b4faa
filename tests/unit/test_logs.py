"""The log: one line an event, the request id in it, nothing secret, nothing a caller could forge."""

import json
import logging
from collections.abc import Iterator

import pytest
from loguru import logger

from app.logs import configure_logging, request_id_variable

# Here and not in the test: a traceback shows the lines of source.
PIXELS, KEY = b"MARKER-PIXELS", "sk-secret"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    logger.configure(handlers=[])


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_an_event_is_one_json_object_with_the_request_id(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", as_json=True)
    token = request_id_variable.set("req_1_a3f5d8c2b1e9")

    logger.info("request", path="/x\nforged {line}", status=200)

    request_id_variable.reset(token)
    (line,) = lines(capsys)
    event = json.loads(line)
    assert event["request_id"] == "req_1_a3f5d8c2b1e9"
    assert (event["level"], event["message"], event["path"]) == ("INFO", "request", "/x\nforged {line}")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_line_break_or_escape_in_a_value_forges_no_line(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="INFO", as_json=as_json)

    logger.info("request", user="bob\n12:00:00 ERROR forged\x1b[31m")
    logging.getLogger("uvicorn.error").warning("bob\nforged\x1b[31m")

    printed = lines(capsys)
    assert len(printed) == 2
    assert all("\x1b" not in line for line in printed)


@pytest.mark.parametrize("as_json", [True, False])
def test_p3_a_traceback_shows_where_and_never_with_which_values(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(level="DEBUG", as_json=as_json)

    def fail(image: bytes, api_key: str) -> None:
        raise ValueError(image, api_key)

    try:
        fail(PIXELS, KEY)
    except ValueError:
        logger.exception("unexpected error")

    printed = "\n".join(lines(capsys))
    assert "in fail" in printed
    assert "ValueError" in printed
    assert "MARKER-PIXELS" not in printed
    assert "sk-secret" not in printed


def test_the_loggers_of_the_sdks_never_speak_below_warning(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="DEBUG", as_json=True)

    for name in ("anthropic", "openai", "httpx2", "aiomysql"):
        logging.getLogger(f"{name}._client").debug("MARKER-BODY")

    assert lines(capsys) == []
