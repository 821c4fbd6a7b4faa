"""A provider as the service asks it: over its real SDK, counted, and with its answer formats found out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.config import Settings
from app.models.domain import ModelReply
from app.observe.metrics import Metrics
from app.services.model.build import connect, in_formats
from app.services.model.stack.counted import CountedModel
from app.services.model_client import ModelClient, Question
from app.utils.deadline import Deadline
from tests.factories import make_image


@asynccontextmanager
async def open_provider(settings: Settings) -> AsyncIterator[ModelClient]:
    """Connect to the first model of these settings; let go of it on leaving."""
    connection = connect(settings.primary, settings)
    names = settings.provider, settings.primary.model
    yield in_formats([CountedModel(provider, *names, "1", Metrics()) for provider in connection.formats])
    await connection.close()


async def ask(provider: ModelClient, seconds: float = 5.0, jpeg: bytes | None = None) -> ModelReply:
    """Ask about an image, any one unless it is given."""
    return await provider.ask(Question(jpeg or make_image(), Deadline.after(seconds)))
