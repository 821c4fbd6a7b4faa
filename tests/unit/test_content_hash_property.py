"""The promise of the content hash on a few hundred changed files. Twenty thousand: `tests/slow`."""

from tests.support.content_hash_promise import hold_the_promise


def test_two_files_of_one_name_are_prepared_to_equal_pixels_or_refused_alike() -> None:
    counted = hold_the_promise(300)

    assert counted["shares a name"] > 30
