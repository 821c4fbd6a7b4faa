"""A copy of an answer is told from an old one by as of which change it was read, wherever it has been meanwhile."""

from app.models.correction import MANY, CacheChange
from app.services.cache.known_changes import MOST_CHANGES, TRUST_SECONDS, KnownChanges, Stamp

A, B = "a" * 64, "b" * 64


class Now:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def change(number: int, image_hash: str = A, mark: int | None = None) -> CacheChange:
    return CacheChange(number, image_hash, deleted=False, mark=number * 100 if mark is None else mark)


def make_known(*changes: CacheChange, now: Now | None = None) -> KnownChanges:
    known = KnownChanges(now or Now())
    known.begin(len(changes), changes)
    known.note_look(0)
    return known


def test_what_was_read_before_a_change_of_that_answer_does_not_hold_and_others_do() -> None:
    known = make_known(change(1))
    before = known.stamp
    assert before == Stamp(1, 100)

    known.add(2, [change(2, A)])

    assert not known.hold(before, A)
    assert known.hold(before, B)
    assert known.stamp is not None
    assert known.hold(known.stamp, A)


def test_before_the_first_change_there_is_a_stamp_too() -> None:
    known = make_known()
    before = known.stamp
    assert before == Stamp(0, 0)
    assert known.hold(before, A)

    known.add(1, [change(1, A)])

    assert not known.hold(before, A)


def test_nothing_that_was_read_before_a_purge_holds() -> None:
    known = make_known(change(1))
    before = known.stamp
    assert before is not None

    known.add(2, [change(2, MANY)])

    assert not known.hold(before, B)
    assert known.hold(Stamp(2, 200), B)


def test_what_was_read_after_changes_that_are_not_known_yet_does_not_hold() -> None:
    assert not make_known(change(1)).hold(Stamp(2, 200), B)


def test_a_number_that_means_another_change_since_a_failover_lost_the_first_does_not_hold() -> None:
    """Of asynchronous replicas the new primary may lack the last changes; those that follow get their numbers."""
    known = make_known(change(1), change(2))
    lost = known.stamp
    assert lost is not None

    known.begin(1, [change(1)])
    assert not known.hold(lost, A)
    known.add(3, [change(2, A, mark=7), change(3, B, mark=8)])

    assert not known.hold(lost, A)
    assert known.hold(Stamp(1, 100), "c" * 64)


def test_what_is_older_than_all_changes_that_are_known_one_by_one_does_not_hold() -> None:
    known = make_known(change(1, B))
    first = known.stamp
    assert first is not None
    for number in range(2, MOST_CHANGES + 2):
        known.add(number, [change(number)])
    assert known.hold(first, B)

    known.add(MOST_CHANGES + 2, [change(MOST_CHANGES + 2)])

    assert not known.hold(first, B)
    assert len(known._marks) == MOST_CHANGES + 1


def test_without_a_look_within_two_seconds_nothing_is_known_for_certain() -> None:
    now = Now()
    known = KnownChanges(now)
    assert known.stamp is None
    assert not known.hold(Stamp(0, 0), A)

    known.begin(0, [])
    known.note_look(0)
    now.seconds = TRUST_SECONDS
    assert known.stamp == Stamp(0, 0)
    now.seconds += 0.01

    assert known.stamp is None
    assert known.hold(Stamp(0, 0), A)  # as far as is known: for when the database is away
