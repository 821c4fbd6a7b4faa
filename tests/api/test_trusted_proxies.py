"""Whose word on the client's address is believed: TRUSTED_PROXIES' alone, over real sockets, under both servers."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.service_process import EMBEDDED, GUNICORN, Service, running_service

PROXY, STRANGER = "127.0.0.1", "127.0.0.2"
"""Two addresses of this machine: the first is trusted, and the second is not."""

OPERATOR, ELSEWHERE, OUTER_PROXY = "203.0.113.5", "198.51.100.9", "10.0.0.7"


@pytest.fixture(scope="module", params=[EMBEDDED, GUNICORN], ids=["embedded", "gunicorn"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {
        "trusted_proxies": f"{PROXY},10.0.0.0/24",
        "admin_ip_allowlist": "203.0.113.0/24",
        "web_concurrency": 1,
    }
    with running_service(tmp_path_factory.mktemp("service"), request.param, **settings) as running:
        yield running


def status_of(service: Service, peer: str, headers: list[tuple[str, str]]) -> int:
    with httpx.Client(transport=httpx.HTTPTransport(local_address=peer)) as client:
        return client.get(f"{service.url}/api/v1/stats/today", headers=headers).status_code


def forwarded(*addresses: str) -> list[tuple[str, str]]:
    return [("X-Forwarded-For", address) for address in addresses]


@pytest.mark.parametrize(
    "headers",
    [
        forwarded(OPERATOR),
        forwarded(f"{OPERATOR}:1234"),
        forwarded(f"{OPERATOR}, {OUTER_PROXY}"),
        forwarded(f"nonsense, {OPERATOR}"),
        forwarded(ELSEWHERE, OPERATOR),
    ],
    ids=str,
)
def test_a_trusted_proxy_is_believed_about_its_client(headers: list[tuple[str, str]], service: Service) -> None:
    assert status_of(service, PROXY, headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        forwarded(f"{OPERATOR}, {ELSEWHERE}"),
        forwarded(f"{OPERATOR}, {ELSEWHERE}, {OUTER_PROXY}"),
        forwarded(f"{OPERATOR}, {OUTER_PROXY}, {ELSEWHERE}"),
        forwarded(OPERATOR, ELSEWHERE),
        forwarded(OPERATOR, f"{ELSEWHERE}, {OUTER_PROXY}"),
        forwarded(f"{OPERATOR}, nonsense"),
        forwarded(f"{OPERATOR},"),
        forwarded(f"{OPERATOR} {ELSEWHERE}"),
        forwarded(f"{OPERATOR}%eth0, {ELSEWHERE}"),
        forwarded("2001:db8::1"),
        forwarded("9" * 10_000),
    ],
    ids=lambda headers: str(headers)[:80],
)
def test_what_a_client_told_a_trusted_proxy_is_not_believed(headers: list[tuple[str, str]], service: Service) -> None:
    assert status_of(service, PROXY, headers) == 403


@pytest.mark.parametrize(
    "headers",
    [forwarded(OPERATOR), forwarded(f"{OPERATOR}, {PROXY}"), forwarded(f"{OPERATOR}, {OUTER_PROXY}")],
    ids=str,
)
def test_nobody_else_is_believed(headers: list[tuple[str, str]], service: Service) -> None:
    assert status_of(service, STRANGER, headers) == 403


@pytest.mark.parametrize("peer", [PROXY, STRANGER])
@pytest.mark.parametrize(
    "name", ["X-Real-IP", "Forwarded", "Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "Host"]
)
def test_no_other_header_says_where_a_request_comes_from(name: str, peer: str, service: Service) -> None:
    value = f"for={OPERATOR}" if name == "Forwarded" else OPERATOR

    assert status_of(service, peer, [(name, value)]) == 403
