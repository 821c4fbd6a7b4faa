"""The promise of the content hash on 20,000 changed files; a short version of it runs with the ordinary tests."""

from tests.support.content_hash_promise import hold_the_promise


def test_two_files_of_one_name_are_prepared_to_equal_pixels_or_refused_alike() -> None:
    counted = hold_the_promise(20_000)

    print(dict(sorted(counted.items())))  # noqa: T201
    assert counted["shares a name"] > 3_000
    for kind in ("metadata", "structure", "tail"):
        assert counted[f"{kind}: shares a name"] > 200
        assert counted[f"{kind}: no name"] + counted[f"{kind}: first of its name"] > 100
