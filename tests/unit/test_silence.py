"""Who may find out whether a silent server is back."""

import pytest

from app.drivers.silence import Silence
from app.errors import DatabaseUnavailable


async def silent_server(pause_seconds: float = 0) -> Silence:
    """Return what is known of a server that has just not answered."""
    silence = Silence(pause_seconds)
    silence.note_none(silence.admit(3, quick=True))
    return silence


async def test_one_call_at_a_time_finds_out() -> None:
    silence = await silent_server()

    silence.admit(3, quick=True)

    with pytest.raises(DatabaseUnavailable):
        silence.admit(3, quick=True)


async def test_a_call_that_may_take_long_does_not_find_out() -> None:
    silence = await silent_server()

    with pytest.raises(DatabaseUnavailable):
        silence.admit(30, quick=False)

    silence.admit(3, quick=True)


async def test_nobody_tries_while_it_pauses() -> None:
    silence = await silent_server(pause_seconds=60)

    with pytest.raises(DatabaseUnavailable):
        silence.admit(3, quick=True)


async def test_when_the_one_who_was_to_find_out_leaves_the_next_one_may() -> None:
    silence = await silent_server()
    leaving = silence.admit(3, quick=True)

    silence.note_nothing(leaving)

    silence.admit(3, quick=True)


async def test_an_answer_to_anybody_lets_all_in() -> None:
    silence = await silent_server(pause_seconds=60)

    silence.note_answer()

    silence.admit(30, quick=False)
    silence.admit(3, quick=True)
