"""What the service says of itself to everybody."""

from typing import Any

import pytest

from app.version import VERSION
from tests.api.test_access import ADMIN, ADMIN_KEY, Running, running  # noqa: F401  # a fixture


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"llm_provider": "local"},
            {
                "answered_by": "embedded_network",
                "formats": ["GIF", "JPEG", "PNG", "WEBP"],
                "max_image_bytes": 10 * 1024 * 1024,
                "currency": "USD",
                "cost_per_call": 0.01,
            },
        ),
        (
            {
                "llm_provider": "openai",
                "llm_api_key": "sk-test",
                "allowed_image_formats": "jpg,jpeg,avif",
                "max_image_size_mb": 2,
                "currency": "CNY",
                "cost_per_api_call": "0.07",
            },
            {
                "answered_by": "model",
                "formats": ["AVIF", "JPEG"],
                "max_image_bytes": 2 * 1024 * 1024,
                "currency": "CNY",
                "cost_per_call": 0.07,
            },
        ),
    ],
    ids=["as it comes", "as it was set"],
)
async def test_everybody_may_read_what_is_accepted_who_answers_and_what_it_costs(
    settings: dict[str, Any],
    told: dict[str, Any],
    sqlite_settings: dict[str, Any],
    running: Running,  # noqa: F811
) -> None:
    async with running({**sqlite_settings, **settings}) as client:
        answer = await client.get("/about")

    assert answer.status_code == 200
    assert answer.json() == {"success": True, "data": {"version": VERSION, **told}}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"admin_api_keys": ADMIN_KEY}, None),
        ({"admin_ip_allowlist": "192.0.2.7"}, None),
        ({"admin_api_keys": ADMIN_KEY, "show_costs": True}, 0.01),
        ({"show_costs": False}, None),
        ({"api_keys": "a-key-for-the-apps-7f3a9c51"}, 0.01),
    ],
    ids=["statistics need a key", "or an address", "shown all the same", "hidden all the same", "apps need a key"],
)
async def test_what_a_call_costs_is_told_to_everybody_only_where_the_statistics_are(
    settings: dict[str, Any],
    told: float | None,
    sqlite_settings: dict[str, Any],
    running: Running,  # noqa: F811
) -> None:
    async with running({**sqlite_settings, **settings}) as client:
        answer = await client.get("/about", headers=ADMIN)  # the answer is one for everybody

    assert answer.json()["data"]["cost_per_call"] == told
