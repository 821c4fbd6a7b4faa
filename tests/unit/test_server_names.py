"""How servers are named in settings."""

import pytest

from app.drivers.server_names import parse_servers
from tests.conftest import make_settings


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("db", [("db", 3306)]),
        ("::1", [("::1", 3306)]),
        ("[::1]", [("::1", 3306)]),
        ("a, b:3307,[fe80::1]:3308", [("a", 3306), ("b", 3307), ("fe80::1", 3308)]),
        ("10.0.0.1,10.0.0.1:3307", [("10.0.0.1", 3306), ("10.0.0.1", 3307)]),
    ],
)
def test_servers_are_named_with_and_without_ports(text: str, servers: list[tuple[str, int]]) -> None:
    assert parse_servers(text, 3306) == servers
    assert make_settings(mysql_host=text).mysql_servers == servers


@pytest.mark.parametrize(
    "text", ["", "a,", "a b", "user@a", "a:", "a:x", "a:0", "a:65536", "http://a", "[a]", "a,a", "a,a:3306", "a;b"]
)
def test_what_names_no_servers_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"takes|twice"):
        parse_servers(text, 3306)


def test_there_may_be_sixteen_servers_and_no_more() -> None:
    names = [f"db{number}" for number in range(17)]

    assert len(parse_servers(",".join(names[:16]), 3306)) == 16
    with pytest.raises(ValueError, match="at most 16"):
        parse_servers(",".join(names), 3306)
