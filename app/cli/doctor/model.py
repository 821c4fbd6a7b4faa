"""Asks each model one question about a picture of ours, to see whether key, name and address are right."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from io import BytesIO

from PIL import Image, ImageDraw

from app.cli.doctor.finding import Finding
from app.config import Settings
from app.services.model.build import connect, in_formats
from app.services.model.errors import ModelDenied, ModelError, ModelMisconfigured, ModelTimeout
from app.services.model.settings import ModelEndpoint
from app.services.model_client import Question
from app.utils.deadline import Deadline

_SIDE = 200
_MENDS: dict[type[ModelError], str] = {
    ModelMisconfigured: "{prefix}_API_KEY, or {prefix}_BASE_URL",
    ModelDenied: "{prefix}_MODEL, or what the key may do",
    ModelTimeout: "LLM_TIMEOUT, or the way to the vendor",
}


async def examine_models(settings: Settings) -> list[Finding]:
    """Ask the models in effect one question each, which is paid for."""
    return [await _examine(settings, prefix, model) for prefix, model in _models(settings)]


def not_asked(settings: Settings) -> Finding:
    """Return what is said of the models where they are not to be asked."""
    names = ", ".join(f"{model.provider} {model.model}".rstrip() for _, model in _models(settings))
    return Finding("model", "ok", f"{names} (not asked: --ask does, for the price of a question)")


def _models(settings: Settings) -> Iterator[tuple[str, ModelEndpoint]]:
    yield "LLM", settings.primary
    if settings.fallback is not None:
        yield "LLM_FALLBACK", settings.fallback


async def _examine(settings: Settings, prefix: str, model: ModelEndpoint) -> Finding:
    name = f"{model.provider} {model.model}".rstrip()
    if model.provider == "local":
        return Finding("model", "ok", "the embedded network answers")
    async with AsyncExitStack() as stack:
        connection = connect(model, settings)
        stack.push_async_callback(connection.close)
        question = Question(_picture(), Deadline.after(settings.llm_timeout))
        try:
            reply = await in_formats(connection.formats).ask(question)
        except ModelError as error:
            mend = next((text for kind, text in _MENDS.items() if isinstance(error, kind)), "try again in a minute")
            return Finding("model", "failed", f"{name}: {error.detail or error.message}", mend.format(prefix=prefix))
    answer, tokens = reply.classification, reply.usage.input_tokens + reply.usage.output_tokens
    return Finding("model", "ok", f"{name} answered {answer.category} ({answer.confidence:.2f}) for {tokens} tokens")


def _picture() -> bytes:
    """Return a landscape of a few lines as a JPEG: a model need not be right about it."""
    image = Image.new("RGB", (_SIDE, _SIDE), "skyblue")
    draw = ImageDraw.Draw(image)
    draw.ellipse((140, 20, 180, 60), fill="gold")
    draw.polygon([(0, 200), (70, 90), (120, 160), (160, 110), (200, 200)], fill="forestgreen")
    output = BytesIO()
    image.save(output, "JPEG")
    return output.getvalue()
