"""The values that pass between layers. Plain frozen dataclasses: no HTTP, no SQL, no vendor."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from app.models.identity import MatchedBy, Naming, Trial
from app.models.lanes import STANDARD

LOCAL_MODEL = "local-network"
"""`model_used` of the embedded network. Its answers are served while it is the provider, and those that it was sure of
while it is asked first (`LOCAL_FIRST`)."""

EARLIER_LOCAL_MODEL = "local-heuristic"
"""`model_used` of the colour rules that earlier versions had in its place. Their answers are never served."""

OPERATOR = "operator"
"""`model_used` of an answer that an operator has corrected. It is served whatever else is set, and nothing replaces it
but an operator."""

LOCAL_PROVIDER = "local"
"""The provider of the embedded network, which costs nothing."""


class Category(StrEnum):
    """The eight categories, fixed by the specification (section 1.2) and shared with the apps."""

    SOCIAL_ACTIVITIES = "social_activities"
    PETS = "pets"
    SINGLE_PERSON = "single_person"
    FOODS = "foods"
    TRAVEL_SCENERY = "travel_scenery"
    SCREENSHOT = "screenshot"
    IDCARD = "idcard"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class CategoryName:
    """What an app shows its user for a category (specification, appendix B)."""

    chinese: str
    english: str


CATEGORY_NAMES = {
    Category.SOCIAL_ACTIVITIES: CategoryName("社交活动", "Social Activities"),
    Category.PETS: CategoryName("宠物萌照", "Pet Photos"),
    Category.SINGLE_PERSON: CategoryName("单人照片", "Single Person Photos"),
    Category.FOODS: CategoryName("美食记录", "Food Records"),
    Category.TRAVEL_SCENERY: CategoryName("旅行风景", "Travel Scenery"),
    Category.SCREENSHOT: CategoryName("手机截图", "Mobile Screenshots"),
    Category.IDCARD: CategoryName("证件照", "ID Card"),
    Category.OTHER: CategoryName("其它", "Other Images"),
}


@dataclass(slots=True)  # not frozen, for the reason that Outcome is not: each hit makes one
class Classification:
    """What is said of an image. `confidence` is 0 to 1 with four decimals, as the database keeps it."""

    category: Category
    confidence: float
    description: str | None


@dataclass(slots=True)  # not frozen, for the reason that Outcome is not: each hit makes one
class KnownAnswer:
    """An answer that is there, as it is given for one name of a photo."""

    classification: Classification
    """Without a description where the name is a near match: that is another picture's."""

    image_hash: str
    """The photo that was paid for: the key of the row that counts the hit."""

    matched_by: MatchedBy
    image_size: int | None
    """Bytes of that photo's file. None where the row is from before there were sizes and names."""

    distance: int | None = None
    """Bits of PDQ between the two pictures, where it was found by what it looks like just now."""

    def matched_at_best(self, by: MatchedBy) -> "KnownAnswer":
        """Return this answer for a photo that has no surer name in common with the one it was found for."""
        return self if self.matched_by.is_no_surer_than(by) else replace(self, matched_by=by)


@dataclass(slots=True)
class OwnAnswer(KnownAnswer):
    """What one user is answered about a photo for having said that the answer to it is wrong. Never anybody else's."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the vendor counted them. `input_tokens` is all of the input, `cached_tokens` the part of it that the
    vendor had cached and bills at a lower price."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
        )


NetworkOutcome = Literal["sure", "unsure", "agreed", "disagreed", "degraded"]
"""What came of a look of the embedded network beside a model: it was sure and answered; it was not, and the model was
asked; it was, and the model that was asked all the same said the same category, or another; it answered in place of
models that were away."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One question that was really sent to a model, whatever became of it: a row of `model_call`."""

    provider: str
    model: str
    prompt_version: str
    outcome: str
    """`answered`, `refused`, or what failed: `bad_answer`, `rejected`, `unavailable`, `misconfigured`, `timeout`,
    `cancelled`. Where the embedded network looked beside a model, one of `NetworkOutcome`."""

    usage: Usage
    started_at: datetime
    duration_ms: int
    lane: str = STANDARD
    """Which of a vendor's price lanes answered, as the answer says; which was asked, where there is no answer."""

    cost: Decimal | None = None
    """What it cost at the prices of that moment. The recorder fills it in."""


@dataclass(frozen=True, slots=True)
class ModelReply:
    """A validated answer. A provider's has the usage of its one call; whoever asked adds all calls and their sum."""

    classification: Classification
    model_used: str
    prompt_version: str
    usage: Usage
    lane: str | None = None
    """Which of the vendor's price lanes answered, where the answer says it."""

    calls: tuple[ModelCall, ...] = ()
    """All that was sent for it, failed attempts included."""

    degraded: bool = False
    """Whether the embedded network answered because no model could: good for this once, and never kept."""


@dataclass(slots=True)  # not frozen, for the reason that Outcome is not: each request makes one
class RequestContext:
    """Who asks: the request's id, the device or user if it said so, the client's address if known; `key_id` where a key
    tells clients apart."""

    request_id: str
    user_id: str | None
    ip_address: str | None
    key_id: str | None = None

    def with_default_user(self, user_id: str | None) -> "RequestContext":
        """Return this context with a user filled in where none was named."""
        return self if self.user_id is not None else replace(self, user_id=user_id)

    def for_photo_of_batch(self, request_id: str) -> "RequestContext":
        """Return this context for one photo of several, which is a request of its own."""
        return RequestContext(request_id, self.user_id, self.ip_address, self.key_id)


@dataclass(slots=True)  # not frozen: that makes one take three times as long, and each answer makes one
class Outcome:
    """One answered request, with all that has to be written down about it.

    `reply` is what the model said when it was asked: a new row of the cache, unless it is degraded. Without it the
    answer came from the cache and is one more hit of that row. `logged` says whether the request gets a row in
    `request_log`. `calls` are the questions that were sent to models for it. `image_hash` is the name that was asked
    for, `known` what was found.
    """

    context: RequestContext
    image_hash: str
    image_size: int | None
    classification: Classification
    processing_time_ms: int
    created_at: datetime
    logged: bool
    reply: ModelReply | None = None
    calls: tuple[ModelCall, ...] = ()
    known: KnownAnswer | None = None
    naming: Naming | None = None
    trial: Trial | None = None

    @property
    def request_id(self) -> str:
        return self.context.request_id

    @property
    def answer_hash(self) -> str:
        """The key of the answer's row."""
        return self.known.image_hash if self.known else self.image_hash

    @property
    def from_cache(self) -> bool:
        return self.reply is None

    @property
    def is_kept(self) -> bool:
        """Whether what the model said becomes the photo's answer."""
        return self.reply is not None and not self.reply.degraded


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that models were asked for and that got no answer, with what has to be written down about it.

    `refused_until` is set when a model refused the image: until then it is not asked about again, by whichever of its
    names: `image_hash` and `other_names`.
    """

    request_id: str
    image_hash: str
    calls: tuple[ModelCall, ...]
    created_at: datetime
    refused_until: datetime | None = None
    other_names: tuple[str, ...] = ()

    @property
    def from_cache(self) -> bool:
        return False

    @property
    def usage(self) -> Usage:
        """The tokens of all its calls."""
        return sum((call.usage for call in self.calls), Usage())


@dataclass(frozen=True, slots=True)
class Answer:
    """What `classify` gives back."""

    known: KnownAnswer
    from_cache: bool
    processing_time_ms: int
    model_used: str | None
    """Who answered just now. None where the answer was known."""

    degraded: bool


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One row of `request_log`, as its user may read it."""

    request_id: str
    user_id: str | None
    image_hash: str
    image_size: int | None
    category: Category
    confidence: float
    from_cache: bool
    matched_by: MatchedBy | None
    processing_time_ms: int | None
    created_at: datetime
