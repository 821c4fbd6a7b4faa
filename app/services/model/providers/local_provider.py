"""The embedded network as a model: no key, no connection, and the photo stays in the house."""

from dataclasses import dataclass
from typing import Protocol

from app.errors import Overloaded, ServiceError
from app.models.domain import LOCAL_MODEL, Classification, ModelReply, Usage
from app.models.verdict import Verdict
from app.services.model.errors import ModelOverloaded, ModelUnavailable
from app.services.model.providers.local_description import describe
from app.services.model_client import Question
from app.utils.deadline import Deadline

LOCAL_VERSION = "network-1"
"""Stored with each answer in place of the version of a prompt. Raise it with the model file."""


class Network(Protocol):
    """What runs the embedded network."""

    async def see(self, jpeg: bytes, deadline: Deadline) -> Verdict:
        """Return what a prepared JPEG shows. Raises a `ServiceError`: `Overloaded` where too many wait."""
        ...


@dataclass(frozen=True, slots=True)
class LocalProvider:
    """`ModelClient` that lets the embedded network look at the picture. `language` is that of the descriptions."""

    network: Network
    language: str

    async def ask(self, question: Question) -> ModelReply:
        try:
            verdict = await self.network.see(question.jpeg, question.deadline)
        except Overloaded as error:
            raise ModelOverloaded(detail=error.detail) from error
        except ServiceError as error:
            raise ModelUnavailable(detail=error.detail) from error
        confidence = min(1.0, max(0.0, round(verdict.probability, 4)))
        return ModelReply(
            classification=Classification(verdict.category, confidence, describe(verdict, self.language)),
            model_used=LOCAL_MODEL,
            prompt_version=LOCAL_VERSION,
            usage=Usage(),
        )
