"""What the service says of itself to everybody."""

from typing import Any

import pytest

from app.version import VERSION
from tests.api.test_access import running


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
    settings: dict[str, Any], told: dict[str, Any], sqlite_settings: dict[str, Any]
) -> None:
    async with running({**sqlite_settings, **settings}) as client:
        answer = await client.get("/about")

    assert answer.status_code == 200
    assert answer.json() == {"success": True, "data": {"version": VERSION, **told}}
