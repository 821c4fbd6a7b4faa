"""Which server is taken for the primary, by what each says of itself."""

import pytest
from loguru import logger

from app.drivers.mysql_connect import MySQLAddress
from app.drivers.mysql_node import SILENT, Member, Node, Sighting, judge
from app.drivers.mysql_primary import PrimaryFinder, choose_primary, without_expelled
from app.errors import DatabaseMisconfigured

A, B, C = "aaaa", "bbbb", "cccc"
GROUP = "gggg"
OUTSIDE = Sighting("primary")


def member(role: str, identifier: str, *primaries: str, of: str = GROUP) -> Sighting:
    """Return a member of a group, and whom it holds for primaries."""
    return Sighting("primary" if role == "primary" else "secondary", of, identifier, frozenset(primaries))


def chosen(*sightings: Sighting) -> int | None:
    return choose_primary(without_expelled(sightings))


def group(first: str, second: str = "ONLINE", third: str = "ONLINE") -> list[Member]:
    """Return a view of a group whose primary is A."""
    return [(A, first, "PRIMARY"), (B, second, "SECONDARY"), (C, third, "SECONDARY")]


def role_of(server_id: str, members: list[Member], *, takes_writes: bool) -> str:
    return judge(takes_writes=takes_writes, server_id=server_id, group=GROUP, members=members).role


def test_a_server_of_no_group_is_what_its_options_say() -> None:
    assert judge(takes_writes=True, server_id=A, group="", members=[]).role == "primary"
    assert judge(takes_writes=False, server_id=A, group="", members=[]).role == "secondary"


def test_the_primary_of_a_group_takes_writes_and_sees_most_of_the_members() -> None:
    assert role_of(A, group("ONLINE"), takes_writes=True) == "primary"
    assert role_of(A, group("ONLINE", third="UNREACHABLE"), takes_writes=True) == "primary"
    assert role_of(A, group("ONLINE", second="RECOVERING", third="UNREACHABLE"), takes_writes=True) == "primary"


def test_a_primary_without_the_majority_is_isolated_though_it_seems_to_take_writes() -> None:
    assert role_of(A, group("ONLINE", "UNREACHABLE", "UNREACHABLE"), takes_writes=True) == "isolated"
    assert role_of(A, group("ONLINE", "UNREACHABLE")[:2], takes_writes=True) == "isolated"


def test_a_new_primary_that_still_catches_up_is_none_yet() -> None:
    assert role_of(A, group("ONLINE"), takes_writes=False) == "secondary"


def test_a_secondary_is_none_even_if_somebody_has_made_it_writable() -> None:
    assert role_of(B, group("ONLINE"), takes_writes=True) == "secondary"


@pytest.mark.parametrize("state", ["OFFLINE", "ERROR", "RECOVERING"])
def test_a_server_that_is_not_in_its_group_is_none_though_it_takes_writes(state: str) -> None:
    assert role_of(A, [(A, state, "")], takes_writes=True) == "recovering"
    assert role_of(A, [("", state, "")], takes_writes=True) == "recovering"
    assert role_of(A, [], takes_writes=True) == "recovering"


def test_without_a_primary_none_is_chosen() -> None:
    assert chosen(SILENT, Sighting("secondary"), member("secondary", B, A)) is None


def test_the_only_primary_is_chosen_wherever_it_is_named() -> None:
    assert chosen(SILENT, member("secondary", B, C), member("primary", C, C)) == 2
    assert chosen(SILENT, SILENT, member("primary", C, C)) == 2


def test_of_two_that_hold_themselves_for_the_primary_the_members_say_which_it_is() -> None:
    asleep_for_a_while, elected, third = member("primary", A, A), member("primary", B, B), member("secondary", C, B)

    assert chosen(asleep_for_a_while, elected, third) == 1


def test_one_that_alone_holds_itself_for_the_primary_is_none_where_more_members_say_it_is_another() -> None:
    asleep_for_a_while, catches_up, third = (
        member("primary", A, A),
        member("secondary", B, B),
        member("secondary", C, B),
    )

    heard = without_expelled([asleep_for_a_while, catches_up, third])
    assert choose_primary(heard) is None
    assert [sighting.role for sighting in heard] == ["recovering", "secondary", "secondary"]


def test_what_a_member_says_that_was_asleep_itself_does_not_outweigh_the_primary() -> None:
    assert chosen(member("primary", A, A), member("secondary", B, A), member("secondary", C, B)) == 0
    assert chosen(member("primary", A, A), SILENT, member("secondary", C, B)) == 0


def test_what_the_members_of_another_group_say_of_its_primary_counts_nothing() -> None:
    replicas = [member("secondary", identifier, B, of="other") for identifier in (B, C)]

    assert chosen(member("primary", A, A), *replicas) == 0
    assert chosen(OUTSIDE, *replicas) == 0


def test_in_a_group_with_several_primaries_all_processes_choose_the_first() -> None:
    assert chosen(SILENT, member("primary", B, B, C), member("primary", C, B, C)) == 1


@pytest.mark.parametrize("other", [OUTSIDE, member("primary", A, A)])
@pytest.mark.parametrize("one", [OUTSIDE, member("primary", B, B, of="other")])
def test_two_that_take_writes_and_know_nothing_of_each_other_are_a_persons_affair(
    one: Sighting, other: Sighting
) -> None:
    with pytest.raises(DatabaseMisconfigured, match="several servers take writes"):
        chosen(one, other)


async def test_why_a_server_refuses_us_is_said_once_though_another_is_the_primary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = {"good": OUTSIDE, "bad": Sighting("refused", error=DatabaseMisconfigured(detail="a right is missing"))}

    async def look(node: Node, limit_seconds: float) -> Sighting:
        return seen[node.address.host]

    monkeypatch.setattr(Node, "look", look)
    addresses = [MySQLAddress(host, 3306, "user", "secret", "photos") for host in seen]
    said: list[dict[str, object]] = []
    sink = logger.add(lambda line: said.append(line.record["extra"]), filter=lambda line: "cannot" in line["message"])
    finder = PrimaryFinder(addresses, moved=lambda: None)
    finder.start()
    try:
        assert await finder.find() == addresses[0]
        await finder.look_again()
    finally:
        await finder.close()
        logger.remove(sink)

    assert said == [{"server": "bad:3306", "detail": "a right is missing"}]
