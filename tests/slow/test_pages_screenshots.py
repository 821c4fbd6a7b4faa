"""The pages as README shows them, in light and dark, on a desk and in a hand. `make screenshots` keeps the pictures."""

import os
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Browser

from tests.support.camera_photos import SAMPLE_CATEGORIES, camera_photo, sample_pictures
from tests.support.client_versions import CLIENT_VERSIONS, shrunk
from tests.support.fake_model_server import FakeModels
from tests.support.seeing_model import SeeingModel
from tests.support.service_process import Service
from tests.support.try_page import choose, expect_done
from tests.support.typescript_app import saved
from tests.support.web_browser import open_tab, overflow

MOST_BYTES = 150_000
SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1240, "height": 1000}},
    "phone": {
        "viewport": {"width": 360, "height": 780},
        "device_scale_factor": 2,
        "has_touch": True,
        "is_mobile": True,
    },
}
DESCRIPTIONS = {
    "astronaut": "A person in an orange space suit",
    "cat": "A tabby cat looking up",
    "coffee": "A cup of coffee on a saucer with a spoon",
    "screenshot": "A conversation in a messenger",
    "temple": "A temple with a red roof among trees",
}


@pytest.fixture
def album(tmp_path: Path, fake_models: FakeModels) -> list[Path]:
    """Photos of a phone: two of them known, one damaged."""
    pictures = sample_pictures()
    photos = {name: camera_photo(pictures[name], number, 1600) for number, name in enumerate(DESCRIPTIONS)}
    fake_models.answer = described(SeeingModel.of(photos, SAMPLE_CATEGORIES))
    edited = CLIENT_VERSIONS["a caption"](photos["temple"])
    files = {
        **{f"IMG_204{number}.jpg": photo for number, photo in enumerate(photos.values())},
        "temple-edited.jpg": edited,
        "from-messenger.jpg": shrunk(photos["cat"]),
        "IMG_2047.HEIC": photos["cat"][:3000],
    }
    return [saved(tmp_path, data, name) for name, data in files.items()]


def described(model: SeeingModel) -> Callable[[bytes], dict[str, Any]]:
    def answer(jpeg: bytes) -> dict[str, Any]:
        seen = model(jpeg)
        return {**seen, "confidence": 0.97, "description": DESCRIPTIONS[seen["description"]]}

    return answer


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
async def test_the_page_to_try_it_fits(
    screen: str, scheme: str, chromium: Browser, page_service: Service, album: list[Path], tmp_path: Path
) -> None:
    async with open_tab(chromium, page_service.url, color_scheme=scheme, **SCREENS[screen]) as tab:
        await choose(tab, *album[2:4])
        await expect_done(tab, 2)
        await tab.page.reload()
        for photo in album[:5]:
            await choose(tab, photo)
        await expect_done(tab, 5)
        await choose(tab, *album[5:])
        await expect_done(tab, 7, failed=1)
        assert await overflow(tab.page) == 0

        taken = await tab.page.screenshot(animations="disabled")
    assert keep(taken, f"try-{scheme}-{screen}.png", tmp_path) < MOST_BYTES


def keep(screenshot: bytes, name: str, otherwise: Path) -> int:
    """Write the picture, in 256 colours, where `SCREENSHOTS` says. Return its size."""
    path = Path(os.environ.get("SCREENSHOTS") or otherwise) / name
    with Image.open(BytesIO(screenshot)) as file:
        picture = file.convert("RGB")
    fewer = picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    fewer.save(path, optimize=True)
    assert common_color(fewer.convert("RGB")) == common_color(picture)
    return path.stat().st_size


def common_color(picture: Image.Image) -> object:
    """Return the colour that most of a picture has."""
    return Counter(picture.get_flattened_data()).most_common(1)[0][0]
