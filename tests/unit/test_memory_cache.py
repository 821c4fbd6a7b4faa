"""The in-memory layer: bounded in number and in age."""

from app.services.cache.memory import MemoryCache
from tests.factories import make_image_hash, make_known

KNOWN = make_known()


class FakeMonotonic:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_was_put_is_found_until_it_expires() -> None:
    clock = FakeMonotonic()
    cache = MemoryCache(10, 60, clock)
    image_hash = make_image_hash()
    cache.put(image_hash, KNOWN)

    clock.now = 59.9
    assert cache.get(image_hash) == KNOWN
    clock.now = 60
    assert cache.get(image_hash) is None


def test_what_has_expired_is_kept_for_as_long_as_there_is_room() -> None:
    clock = FakeMonotonic()
    cache = MemoryCache(2, 60, clock)
    cache.put("a", KNOWN)
    cache.put("b", KNOWN)

    clock.now = 1000
    assert cache.get("a") is None
    assert cache.get_stale("a") == KNOWN
    cache.put("c", KNOWN)

    assert cache.get_stale("a") is None


def test_what_is_forgotten_is_gone() -> None:
    cache = MemoryCache(2, 60)
    cache.put("a", KNOWN)

    cache.forget("a")

    assert cache.get_stale("a") is None


def test_being_read_makes_an_entry_no_younger() -> None:
    clock = FakeMonotonic()
    cache = MemoryCache(10, 60, clock)
    cache.put("a", KNOWN)

    clock.now = 59
    cache.get("a")
    clock.now = 61

    assert cache.get("a") is None


def test_the_least_recently_used_entry_goes_first() -> None:
    cache = MemoryCache(2, 60)
    cache.put("a", KNOWN)
    cache.put("b", KNOWN)

    cache.get("a")
    cache.put("c", KNOWN)

    assert [key for key in "abc" if cache.get(key)] == ["a", "c"]


def test_no_entries_means_no_memory() -> None:
    cache = MemoryCache(0, 60)

    cache.put("a", KNOWN)

    assert cache.get("a") is None


def test_what_this_process_has_found_out_is_its_own_until_the_database_has_it_or_it_may_be_deleted() -> None:
    cache = MemoryCache(3, 60)
    for name in ("own", "read", "deleted"):
        cache.put(name, make_known(name), read=name == "read")
    assert [cache.get_own(name) for name in ("own", "read", "unknown")] == [make_known("own"), None, None]

    cache.hear_of({"deleted": True, "own": False})
    assert (cache.get_own("deleted"), cache.get_own("own")) == (None, make_known("own"))

    cache.hear_of_many()
    assert cache.get_own("own") is None

    cache.put("own", make_known("own"), read=False)
    cache.put("own", make_known("own"))
    assert cache.get_own("own") is None


def test_of_its_own_it_remembers_no_more_than_there_is_room_for() -> None:
    cache = MemoryCache(2, 60)
    for number in range(100):
        cache.put(str(number), KNOWN, read=False)

    assert [cache.get_own(str(number)) for number in (97, 98, 99)] == [None, KNOWN, KNOWN]
    assert len(cache._own) == 2
