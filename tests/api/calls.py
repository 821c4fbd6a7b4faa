"""The calls that tests make, in one line each."""

import hashlib
from typing import Any

import httpx

from app.utils.hash_utils import question_name
from app.utils.image_utils import ImageLimits, prepare_image

Json = dict[str, Any]


async def check_cache(client: httpx.AsyncClient, image: bytes, user: str | None = None) -> Json:
    """Ask with an image's hash; return the body of the 200."""
    digest = hashlib.sha256(image).hexdigest()
    response = await client.post("/classify/check-cache", json={"image_hash": digest}, headers=_headers(user))
    return _body(response)


async def classify(client: httpx.AsyncClient, image: bytes, user: str | None = None) -> Json:
    """Upload an image; return the body of the 200."""
    return _body(await upload(client, image, user=user))


async def upload(
    client: httpx.AsyncClient, image: bytes, image_hash: str | None = None, user: str | None = None
) -> httpx.Response:
    """Upload an image; return whatever comes back."""
    data = {} if image_hash is None else {"image_hash": image_hash}
    return await client.post("/classify", files={"image": ("photo.jpg", image)}, data=data, headers=_headers(user))


async def get_data(client: httpx.AsyncClient, path: str) -> Any:
    """Read a statistic; return what is in `data`."""
    return _body(await client.get(path))["data"]


def question_of(image: bytes) -> str:
    """Return the name of what a model is asked about an image, with the default settings."""
    return question_name(prepare_image(image, ImageLimits(frozenset({"JPEG", "PNG"}), 50_000_000), 512).jpeg)


def _headers(user: str | None) -> dict[str, str]:
    return {} if user is None else {"X-User-ID": user}


def _body(response: httpx.Response) -> Json:
    assert response.status_code == 200, response.text
    body: Json = response.json()
    return body
