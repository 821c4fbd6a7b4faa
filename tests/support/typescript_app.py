"""An app with the TypeScript client, and what its tests need: photos, the page that it runs in, what is on record."""

import random
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from tests.factories import make_image
from tests.support.client_process import ClientProcess
from tests.support.service_process import Service

USER = "device-42"
OTHER_HOST = "photos.test"
PAGE = '<!DOCTYPE html><meta charset="utf-8"><title>An app</title><input type="file" multiple>'


@dataclass(frozen=True)
class App:
    """An app with the client, that has yet to be started."""

    folder: Path
    script: str
    place: dict[str, object]

    def classify(self, url: str, *photos: Path, **options: object) -> AbstractAsyncContextManager[ClientProcess]:
        order = {**self.place, "options": {"url": url, "userId": USER, **options}, "photos": [str(p) for p in photos]}
        return ClientProcess.running(self.folder, self.script, **order)


def saved(folder: Path, data: bytes, name: str = "photo.jpg") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def large_photo(orientation: int = 1, size: tuple[int, int] = (2400, 1600)) -> bytes:
    """Return a JPEG of some megabytes, coarse colours under fine noise: its left half is darker."""
    noise = Image.frombytes("RGB", size, random.Random(7).randbytes(size[0] * size[1] * 3))
    coarse = Image.open(BytesIO(make_image("PNG", size=size)))
    coarse.paste((0, 0, 40), (0, 0, size[0] // 2, size[1]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    output = BytesIO()
    Image.blend(coarse, noise, 0.3).save(output, "JPEG", quality=95, exif=exif)
    return output.getvalue()


def record_of(service: Service, answer: dict[str, Any]) -> dict[str, Any]:
    got = httpx.get(f"{service.url}/api/v1/requests/{answer['requestId']}", headers={"X-User-ID": USER})
    data: dict[str, Any] = got.json()["data"]
    return data
