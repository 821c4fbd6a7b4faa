"""When the client tries again, how long it waits, and when it gives up."""

import pytest

from photo_classifier.core.tries import Tries, may_pass
from photo_classifier.errors import (
    ClassifierError,
    ConnectionFailed,
    TimedOut,
    UnexpectedAnswer,
    service_error,
)
from tests.support.apps_page import repeated_errors


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def failure(status: int, code: str | None = None, retry_after: float | None = None) -> ClassifierError:
    return service_error(status, code, "message", "req_1", retry_after)


def tries(total_seconds: float = 60, max_tries: int = 8, clock: Clock | None = None) -> Tries:
    return Tries(total_seconds, max_tries, clock or Clock(), lambda: 1.0)


@pytest.mark.parametrize(("code", "status", "again"), repeated_errors())
def test_what_the_page_for_apps_says_is_tried_again_and_nothing_else(code: str, status: int, again: bool) -> None:
    assert may_pass(failure(status, code)) == again


@pytest.mark.parametrize(
    ("status", "again"),
    [*((status, True) for status in (408, 429, 500, 502, 503, 504, 520)), (413, False), (418, False)],
)
def test_a_proxys_page_is_tried_again_by_its_status(status: int, again: bool) -> None:
    assert may_pass(failure(status)) == again


@pytest.mark.parametrize("error", [ConnectionFailed("reset"), TimedOut("late")])
def test_a_lost_connection_is_tried_again(error: ClassifierError) -> None:
    assert tries().pause_after(error) == 0.5


@pytest.mark.parametrize(
    "error", [failure(413), ConnectionFailed("certificate", is_final=True), UnexpectedAnswer("a web page")]
)
def test_what_will_be_the_same_again_is_raised_at_once(error: ClassifierError) -> None:
    with pytest.raises(type(error)) as raised:
        tries().pause_after(error)

    assert raised.value is error


def test_pauses_double_up_to_eight_seconds() -> None:
    some = tries()

    assert [some.pause_after(failure(503)) for _ in range(7)] == [0.5, 1, 2, 4, 8, 8, 8]


def test_pauses_are_spread_so_that_clients_do_not_come_together() -> None:
    assert Tries(60, 8, Clock(), lambda: 0.0).pause_after(failure(503)) == 0.25


def test_what_the_service_says_of_the_time_wins() -> None:
    assert tries().pause_after(failure(503, "overloaded", 7)) == 7


@pytest.mark.parametrize(("status", "code"), [(503, "budget_exhausted"), (429, "quota_exceeded"), (503, "overloaded")])
def test_a_time_to_wait_beyond_the_photos_own_ends_it_at_once(status: int, code: str) -> None:
    error = failure(status, code, 3600)

    with pytest.raises(ClassifierError) as raised:
        tries(total_seconds=60).pause_after(error)

    assert raised.value is error


def test_a_short_wait_for_a_share_is_waited_for() -> None:
    assert tries(total_seconds=60).pause_after(failure(429, "quota_exceeded", 1)) == 1


def test_there_is_one_time_for_all_tries_and_requests() -> None:
    clock = Clock()
    some = tries(total_seconds=10, clock=clock)
    clock.seconds += 7
    some.begin_request()
    assert some.left() == 3

    clock.seconds += 2.6
    with pytest.raises(ConnectionFailed) as raised:
        some.pause_after(ConnectionFailed("reset"))
    assert raised.value.tries == 1


def test_the_number_of_tries_has_a_limit_for_each_request() -> None:
    some = tries(max_tries=2)
    some.pause_after(failure(503))
    with pytest.raises(ClassifierError):
        some.pause_after(failure(503))

    some.begin_request()

    some.pause_after(failure(503))
