"""Valid values for tests: random where it does not matter, given where it does."""

import secrets
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

from PIL import Image

from app.errors import ServiceError
from app.models.domain import (
    Category,
    Classification,
    Failure,
    KnownAnswer,
    ModelCall,
    ModelReply,
    Outcome,
    RequestContext,
    Usage,
)
from app.models.identity import Fingerprint, MatchedBy
from app.utils.id_generator import generate_request_id


def make_image_hash() -> str:
    return secrets.token_hex(32)


def make_image(image_format: str = "JPEG", size: tuple[int, int] = (320, 240), mode: str = "RGB", **save: Any) -> bytes:
    """Return an image file of coarse random colours: no two are alike, and none is large."""
    noise = Image.frombytes("RGB", (8, 6), secrets.token_bytes(8 * 6 * 3)).resize(size, Image.Resampling.BICUBIC)
    output = BytesIO()
    noise.convert(mode).save(output, image_format, **save)
    return output.getvalue()


def make_classification(
    category: Category = Category.FOODS, confidence: float = 0.92, description: str | None = "一盘精美的意大利面"
) -> Classification:
    return Classification(category, confidence, description)


def make_known(image_hash: str | None = None, **changes: Any) -> KnownAnswer:
    """Return an answer that is known by the bytes of its photo, by default."""
    values: dict[str, Any] = {
        "classification": make_classification(),
        "image_hash": image_hash or make_image_hash(),
        "matched_by": MatchedBy.BYTES,
        "image_size": 412678,
    }
    return KnownAnswer(**{**values, **changes})


def make_reply(classification: Classification | None = None, model_used: str = "gpt-6-luna") -> ModelReply:
    return ModelReply(classification or make_classification(), model_used, "1", Usage(412, 37, 0))


def make_context(user_id: str | None = "device-42", ip_address: str | None = "192.0.2.7") -> RequestContext:
    return RequestContext(generate_request_id(), user_id, ip_address)


def make_outcome(**changes: Any) -> Outcome:
    """Return an outcome: by default an upload that the model answered."""
    reply = changes.pop("reply", make_reply())
    values: dict[str, Any] = {
        "context": make_context(),
        "image_hash": make_image_hash(),
        "image_size": 412678,
        "classification": reply.classification if reply else make_classification(),
        "processing_time_ms": 1523,
        "created_at": datetime(2025, 10, 10, 12, 0, 0, tzinfo=UTC),
        "logged": True,
        "reply": reply,
    }
    return Outcome(**{**values, **changes})


def make_hit(outcome: Outcome, **changes: Any) -> Outcome:
    """Return the outcome of asking for the same image again."""
    return make_outcome(
        **{"image_hash": outcome.image_hash, "reply": None, "known": make_known(outcome.image_hash), **changes}
    )


def known_by(outcome: Outcome, matched_by: MatchedBy = MatchedBy.CONTENT) -> KnownAnswer:
    """Return the answer of an outcome as it is found by a name of some kind."""
    return KnownAnswer(outcome.classification, outcome.image_hash, matched_by, outcome.image_size)


def make_content_name() -> str:
    return f"c1:{make_image_hash()}"


def make_fingerprint(**changes: Any) -> Fingerprint:
    """Return what some photo looks like."""
    values: dict[str, Any] = {"pdq": secrets.token_bytes(32), "quality": 100, "width": 4032, "height": 3024}
    return Fingerprint(**{**values, **changes})


def make_call(**changes: Any) -> ModelCall:
    """Return a question to a model: by default one that was answered."""
    values: dict[str, Any] = {
        "provider": "openai",
        "model": "gpt-6-luna",
        "prompt_version": "1",
        "outcome": "answered",
        "usage": Usage(412, 37, 0),
        "started_at": datetime(2025, 10, 10, 12, 0, 0, tzinfo=UTC),
        "duration_ms": 1234,
        "cost": Decimal("0.0000816"),
    }
    return ModelCall(**{**values, **changes})


def make_failure(**changes: Any) -> Failure:
    """Return a request that got no answer: by default because a model refused the image."""
    moment = datetime(2025, 10, 10, 12, 0, 0, tzinfo=UTC)
    values: dict[str, Any] = {
        "request_id": generate_request_id(),
        "image_hash": make_image_hash(),
        "calls": (make_call(outcome="refused"),),
        "created_at": moment,
        "refused_until": moment + timedelta(days=1),
    }
    return Failure(**{**values, **changes})


def save_image(image: Image.Image, image_format: str, **options: Any) -> bytes:
    """Return an image as a file of a format."""
    output = BytesIO()
    image.save(output, image_format, **options)
    return output.getvalue()


def error_codes(kind: type[ServiceError] = ServiceError) -> list[str]:
    """Return every code of the tree of errors, as often as it is defined."""
    own = [kind.__dict__["code"]] if "code" in kind.__dict__ else []
    return own + [code for child in kind.__subclasses__() for code in error_codes(child)]
