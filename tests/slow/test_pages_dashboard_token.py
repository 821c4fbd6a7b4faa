"""The dashboard of an operator who shows a token instead of a key: open until the token's time is over."""

import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.support.dashboard import feed_of, until_read
from tests.support.issuer import AUDIENCE, ISSUER, rsa_key
from tests.support.service_process import Service
from tests.support.web_browser import open_tab

pytestmark = pytest.mark.timeout(300)

LIFE_SECONDS = 20
SOON_SECONDS = 15
"""Less than is left until the page reads all figures again, which would be refused without the stream as well."""


@pytest.fixture
def page_settings(tmp_path: Path) -> dict[str, Any]:
    keys = tmp_path / "issuer.pem"
    keys.write_bytes(rsa_key().pem())
    return {
        "auth_public_key": keys,
        "auth_issuer": ISSUER,
        "auth_audience": AUDIENCE,
        "auth_admin_claim": "roles=operator",
        "auth_leeway_seconds": 0,
    }


async def test_a_token_whose_time_is_over_closes_the_figures_and_the_next_one_opens_them(
    chromium: Browser, page_service: Service
) -> None:
    async with open_tab(chromium, f"{page_service.url}/dashboard", locale="en-US") as tab:
        field, panels = tab.page.get_by_label("Key", exact=True), tab.page.locator(".panels")
        end = int(time.time()) + LIFE_SECONDS
        await field.fill(rsa_key().token("olga", roles=["operator"], exp=end))
        await field.press("Enter")
        await until_read(tab.page)
        await expect(feed_of(tab.page)).to_have_text("Live")
        assert time.time() < end

        await expect(field).to_be_visible()
        assert end <= time.time() < end + SOON_SECONDS
        await expect(panels).to_be_hidden()
        await expect(feed_of(tab.page)).to_have_text("No access")

        await field.fill(rsa_key().token("olga", roles=["operator"]))
        await field.press("Enter")
        await expect(panels).to_be_visible()
        await expect(feed_of(tab.page)).to_have_text("Live")
        assert tab.errors == []
