"""What /metrics says is what happened, and names nobody."""

import asyncio
import hashlib
from dataclasses import replace
from typing import Any

import httpx
import pytest

from app.config import Settings
from app.container import Container, open_container
from app.database import Database
from app.errors import ServiceError
from app.repositories.lease_repository import LeaseRepository
from tests.api.calls import check_cache, classify, question_of, upload
from tests.conftest import make_client, make_settings, settings_for_provider, with_settings
from tests.factories import error_codes, make_image
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.figures import Figures
from tests.support.waiting import until

CHECK, CLASSIFY = "/api/v1/classify/check-cache", "/api/v1/classify"


async def read_figures(client: httpx.AsyncClient) -> Figures:
    response = await client.get("http://test/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    return Figures.of(response.text)


async def test_requests_are_counted_by_route_method_and_status(client: httpx.AsyncClient) -> None:
    image = make_image()
    await check_cache(client, image)
    await classify(client, image)
    await client.get("/requests/req_1_0123456789ab")
    await client.get("/requests/req_2_0123456789ab")
    await client.put("/classify")
    await upload(client, b"no image")

    figures = await read_figures(client)

    def count(route: str, method: str, status: str) -> float:
        return figures.sum("request_duration_seconds_count", route=route, method=method, status=status)

    assert count(CHECK, "POST", "200") == 1
    assert count(CLASSIFY, "POST", "200") == 1
    assert count(CLASSIFY, "POST", "400") == 1
    assert count(CLASSIFY, "PUT", "405") == 1
    assert count("/api/v1/requests/{request_id}", "GET", "404") == 2
    assert figures.sum("errors_total", code="not_found") == 2
    assert figures.sum("errors_total", code="method_not_allowed") == 1
    assert figures.sum("errors_total", code="unsupported_format") == 1
    assert figures.sum("images_rejected_total", reason="unsupported_format") == 1


async def test_hits_are_there_before_the_first_so_that_their_rate_can_be_nothing(client: httpx.AsyncClient) -> None:
    figures = await read_figures(client)

    for tier in ("memory", "database"):
        labels = frozenset({("tier", tier), ("result", "hit")})
        assert figures.samples["image_classifier_cache_lookups_total", labels] == 0


async def test_whatever_a_client_writes_makes_no_new_label_and_is_not_shown(client: httpx.AsyncClient) -> None:
    async def write_all_sorts_of_things(number: int) -> str:
        image = make_image()
        for _ in range(2):
            await classify(client, image, user=f"MARKER-USER-{number}")
        await client.get(f"/MARKER-{number}/../{number}")
        await client.get(f"http://test/MARKER-{number}")
        await client.request(f"MARKER{number}", "/classify")
        await client.post("/classify/check-cache", json={"image_hash": f"MARKER-{number}"})
        await client.get(f"/requests/MARKER-{number}", headers={"X-User-ID": f"MARKER {number}"})
        return hashlib.sha256(image).hexdigest()

    await read_figures(client)  # has a series of its own
    hashes = [await write_all_sorts_of_things(0)]
    first = await read_figures(client)
    hashes += [await write_all_sorts_of_things(number) for number in range(1, 20)]
    figures = await read_figures(client)
    text = (await client.get("http://test/metrics")).text

    assert figures.samples.keys() == first.samples.keys()
    assert [part for part in ("MARKER", "192.0.2.7", *hashes) if part in text] == []
    assert figures.values("method") <= {"GET", "POST", "PUT", "other"}
    assert figures.values("route") == {CHECK, CLASSIFY, "/api/v1/requests/{request_id}", "/metrics", "other"}
    assert figures.values("code") <= set(error_codes(ServiceError))


async def test_hits_and_misses_are_counted_by_tier(settings: Settings, container: Container) -> None:
    image = make_image()
    async with make_client(settings, container) as client:
        await check_cache(client, image)
        await classify(client, image)
        await check_cache(client, image)
    async with open_container(settings) as other, make_client(settings, other) as client:
        for _ in range(3):
            await check_cache(client, image)
        figures = await read_figures(client)

    assert container.metrics.cache_lookups.tallies == {
        ("memory", "miss"): 2,
        ("database", "miss"): 2,
        ("database", "hit"): 0,
        ("memory", "hit"): 1,
    }
    assert figures.sum("cache_lookups_total", tier="memory", result="miss") == 1
    assert figures.sum("cache_lookups_total", tier="database", result="hit") == 1
    assert figures.sum("cache_lookups_total", tier="memory", result="hit") == 2


async def test_questions_to_a_model_are_counted_with_their_outcome_time_and_tokens(
    client: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    await classify(client, make_image())
    fake_models.script = [Behaviour(status=500)]
    await classify(client, make_image())
    fake_models.script = [Behaviour(finish="refusal")]
    refused = make_image()
    await upload(client, refused)
    await upload(client, refused)

    figures = await read_figures(client)

    model = {"provider": "openai", "model": "gpt-6-luna"}
    counted = {name: figures.sum("model_calls_total", **model, outcome=name) for name in figures.values("outcome")}
    outcomes = {name: number for name, number in counted.items() if number}
    assert outcomes == {
        "answered": 2,
        "unavailable": 1,
        "refused": 1,
    }
    assert figures.sum("model_call_duration_seconds_count", **model) == 4
    assert figures.sum("model_tokens_total", **model, kind="input") > 0
    assert figures.sum("model_tokens_total", **model, kind="output") > 0
    assert figures.sum("refusals_total", source="model") == 1
    assert figures.sum("refusals_total", source="remembered") == 1
    assert figures.sum("images_prepared_total") == 3
    assert figures.sum("model_breaker_processes", **model, state="closed") == 1


async def test_an_open_breaker_shows_and_so_do_the_questions_that_it_held_back(
    client: httpx.AsyncClient, fake_models: FakeModels
) -> None:
    fake_models.script = [Behaviour(status=401)]
    await upload(client, make_image())
    await upload(client, make_image())

    figures = await read_figures(client)

    assert figures.sum("model_breaker_processes", state="open") == 1
    assert figures.sum("model_breaker_processes", state="closed") == 0
    assert figures.sum("model_calls_total", outcome="misconfigured") == 1
    assert figures.sum("model_skips_total", reason="circuit_open") == 1


@pytest.mark.parametrize("provider", ["claude", "custom"])
async def test_each_provider_has_its_own_figures(provider: str, settings: Settings, fake_models: FakeModels) -> None:
    other = with_settings(settings, **settings_for_provider(provider, fake_models))
    async with open_container(other) as container, make_client(other, container) as client:
        await classify(client, make_image())
        figures = await read_figures(client)

    assert figures.sum("model_calls_total", provider=provider, outcome="answered") == 1


async def test_callers_who_share_an_answer_are_counted(client: httpx.AsyncClient, fake_models: FakeModels) -> None:
    image = make_image()

    await asyncio.gather(*(upload(client, image) for _ in range(8)))

    figures = await read_figures(client)
    assert len(fake_models.calls) == 1
    assert figures.sum("single_flight_joins_total") == 7


async def test_waiting_for_another_processs_answer_is_counted_and_looking_for_it_is_no_miss(
    settings: Settings, container: Container, database: Database
) -> None:
    image = make_image()
    lease = f"photo:{question_of(image)}"
    leases = LeaseRepository(database)
    assert await leases.claim(lease, "another process", 10)

    async with make_client(settings, container) as client:
        answer = asyncio.create_task(upload(client, image))
        looks, waits = container.metrics.lookup_batch_size.tallies, container.metrics.lease_waits.tallies
        await until(lambda: bool(waits) and looks[()].total >= 4)
        await leases.release([lease], "another process")
        assert (await answer).status_code == 200
        figures = await read_figures(client)

    assert figures.sum("lease_waits_total") == 1
    assert figures.sum("cache_lookups_total", tier="database", result="miss") == 1


async def test_what_is_written_shows_in_batches(client: httpx.AsyncClient) -> None:
    await asyncio.gather(*(classify(client, make_image()) for _ in range(5)))

    figures = await read_figures(client)

    assert figures.sum("commit_batch_size_sum") == 5
    assert figures.sum("commit_duration_seconds_count") == figures.sum("commit_batch_size_count") <= 5
    assert figures.sum("lookup_batch_size_count") == figures.sum("lookup_duration_seconds_count") > 0


@pytest.mark.on_both_databases
async def test_what_is_there_at_the_moment_shows(settings: Settings, container: Container) -> None:
    async with make_client(settings, container) as client:
        await classify(client, make_image())
        await until(lambda: not container.classifier.paid_once.leases.marks)
        with container.uploads.upload() as hold:
            hold(12345)
            figures = await read_figures(client)

    assert figures.sum("upload_bytes") == 12345
    assert figures.sum("memory_cache_entries") == 3  # names of one photo
    assert figures.sum("processes") == figures.sum("build_info") == 1
    assert figures.sum("database_connections_limit") == (10 if settings.mysql_host else 3)
    assert figures.sum("database_connections_in_use") == figures.sum("database_calls_waiting") == 0
    assert figures.values("queue") == {"lookups", "records", "images", "questions"}


async def test_of_several_servers_it_shows_which_does_what(mysql_settings: dict[str, Any]) -> None:
    address = f"{mysql_settings['mysql_host']}:{mysql_settings['mysql_port']}"
    several = {**mysql_settings, "mysql_host": f"{address},127.0.0.1:9", "llm_provider": "local"}
    settings = make_settings(**several)
    async with open_container(settings) as container, make_client(settings, container) as client:
        await client.get("/health")
        figures = await read_figures(client)

    assert figures.sum("database_node", node=address, role="primary") == 1
    assert figures.sum("database_node", node="127.0.0.1:9", role="unreachable") == 1
    assert figures.sum("database_node") == 2


async def test_records_that_wait_for_the_database_show(settings: Settings) -> None:
    away = with_settings(settings, mysql_host="127.0.0.1", mysql_port=1)
    async with open_container(away) as container, make_client(away, container) as client:
        await classify(client, make_image())
        figures = await read_figures(client)

    assert figures.sum("spooled_answers") == 1
    assert figures.sum("spooled_bytes") > 100


async def test_an_application_in_a_test_shows_its_containers_figures(settings: Settings, container: Container) -> None:
    narrow = replace(container, max_image_bytes=10)
    async with make_client(settings, narrow) as client:
        await upload(client, make_image())

    assert container.metrics.errors.tallies == {("image_too_large",): 1}
