"""What a provider's `connect_…` function returns. Imports no SDK: the embedded network needs none."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.services.model_client import ModelClient


async def _nothing_to_close() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Connection:
    """One model of one vendor.

    `formats` are the ways to ask it, the one with the strictest answer format first. `close` lets go of the
    connections to the vendor.
    """

    formats: Sequence[ModelClient]
    close: Callable[[], Awaitable[None]] = _nothing_to_close
