"""Puts labelled photos to the models in effect, as an upload would be, without a cache and without a record."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from app.config import Settings, library_path
from app.errors import ServiceError
from app.models.domain import Category, ModelCall
from app.observe.metrics import Metrics
from app.services.images.build import open_images
from app.services.images.preparer import ImagePreparer
from app.services.model.build import build_model
from app.services.model_client import ModelClient, Question
from app.services.network.build import open_network
from app.utils.deadline import Deadline


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """A file, and the category that it belongs to."""

    path: Path
    category: Category


@dataclass(slots=True)
class Measured:
    """What became of one photo. `failure` says why there is no answer, where there is none."""

    photo: LabelledPhoto
    said: Category | None = None
    model_used: str = ""
    megapixels: float = 0.0
    cost: Decimal = Decimal(0)
    failure: str = ""

    @property
    def is_right(self) -> bool:
        return self.said is self.photo.category


class NoPhotos(Exception):
    """The folder is not one of categories with photos: a line that says why."""


def find_photos(folder: Path, limit: int) -> list[LabelledPhoto]:
    """Return the photos of a folder that has a folder for each category, at most `limit` of each.

    Raises `NoPhotos` where it has none, or a folder whose name is no category: its photos would be left out in silence.
    """
    if not folder.is_dir():
        raise NoPhotos(f"{folder} is no folder")
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if unknown := [path.name for path in folders if path.name not in list(Category)]:
        raise NoPhotos(f"{', '.join(unknown)}: no category; a folder is named {', '.join(Category)}")
    photos = [
        LabelledPhoto(path, Category(inner.name))
        for inner in folders
        for path in sorted(path for path in inner.iterdir() if path.is_file() and not path.name.startswith("."))[:limit]
    ]
    if not photos:
        raise NoPhotos(f"{folder} has no photos: it needs a folder for each category, such as {folder / 'pets'}")
    return photos


async def measure(
    settings: Settings, photos: Sequence[LabelledPhoto], advance: Callable[[Measured], object]
) -> list[Measured]:
    """Ask about each photo, as many at a time as the settings allow. `advance` is called as each is done."""
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        network = await stack.enter_async_context(
            open_network(settings.uses_network, 1, metrics, library_path=library_path())
        )
        models = build_model(settings, metrics, network)
        stack.push_async_callback(models.close)
        preparer = await stack.enter_async_context(
            open_images(settings, settings.image_max_side, 1, metrics, library_path=library_path())
        )
        examiner = _Examiner(settings, preparer, models.client, advance, iter(photos))
        await asyncio.gather(*(examiner.run() for _ in range(min(len(photos), settings.llm_max_concurrency))))
    return examiner.measured


@dataclass(slots=True)
class _Examiner:
    settings: Settings
    preparer: ImagePreparer
    model: ModelClient
    advance: Callable[[Measured], object]
    waiting: Iterator[LabelledPhoto]
    measured: list[Measured] = field(default_factory=list)

    async def run(self) -> None:
        """Examine one photo after the other until none waits."""
        for photo in self.waiting:
            result = Measured(photo)
            calls: list[ModelCall] = []
            try:
                await self._examine(result, calls)
            except (ServiceError, OSError) as error:
                result.failure = str(error)
            result.cost = sum((self.settings.prices.cost_of(call) for call in calls), Decimal(0))
            self.measured.append(result)
            self.advance(result)

    async def _examine(self, result: Measured, calls: list[ModelCall]) -> None:
        image = await asyncio.to_thread(result.photo.path.read_bytes)
        deadline = Deadline.after(self.settings.llm_timeout)
        prepared = await self.preparer.prepare(image, deadline)
        result.megapixels = prepared.fingerprint.width * prepared.fingerprint.height / 1_000_000
        reply = await self.model.ask(Question(prepared.jpeg, deadline, calls=calls))
        result.said, result.model_used = reply.classification.category, reply.model_used
