"""What the service asks of a model. The behaviour stacked around a provider is in `model/stack/`.

logged → fall back → retry → breaker → limit → counted → provider: each is a `ModelClient` around a `ModelClient`.
"""

from typing import Protocol

from app.models.domain import ModelReply
from app.utils.deadline import Deadline


class ModelClient(Protocol):
    """Something that can say which category a picture belongs to."""

    async def classify(self, jpeg: bytes, deadline: Deadline) -> ModelReply:
        """Return a validated answer for a prepared JPEG before the deadline.

        Raises a `ModelError` and nothing else.
        """
        ...

    async def close(self) -> None:
        """Let go of the connections to the vendor."""
        ...
