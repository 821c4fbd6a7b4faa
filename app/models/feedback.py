"""What users say of the answers that they were given."""

from dataclasses import dataclass
from datetime import datetime

from app.models.domain import Category


@dataclass(frozen=True, slots=True)
class Vote:
    """What a user says of the answer to one photo. The newest of a user counts."""

    user_id: str
    image_hash: str
    """The key of the answer; of a near match the name of the user's own photo."""

    request_id: str
    category: Category | None
    """What the photo shows. None: the user says that the answer is wrong, and no more."""

    answered: str
    """What everybody is answered."""


@dataclass(frozen=True, slots=True)
class VoteCount:
    """How many users say the same of one photo."""

    category: Category | None
    votes: int


@dataclass(frozen=True, slots=True)
class DisputedAnswer:
    """An answer that users say is wrong."""

    image_hash: str
    answered: str
    votes: int
    """Of users who say something else than the answer."""

    last_vote_at: datetime
    categories: list[VoteCount]
    """Of all its votes, the most frequent first."""
