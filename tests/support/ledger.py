"""Writing outcomes as the service does, without waiting for others."""

import secrets
from collections.abc import Sequence

from app.database import Database
from app.models.domain import Outcome
from app.repositories.ledger_batch import LedgerBatch
from app.repositories.ledger_repository import LedgerRepository


async def write_outcomes(database: Database, outcomes: Sequence[Outcome]) -> None:
    """Write outcomes in one transaction."""
    await LedgerRepository(database).write([LedgerBatch.of(secrets.token_hex(16), 1, outcomes)])
