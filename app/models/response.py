"""Bodies that we return. Names, order and nesting are the specification's (section 3)."""

from typing import Any, Literal

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from app.models.body import Body, Confidence, Percentage, RequestId, Timestamp, Timezone, describe_body
from app.models.domain import Category
from app.models.identity import MatchedBy


class ClassificationData(Body):
    """What is said of an image."""

    category: Category
    confidence: Confidence
    description: str | None = Field(examples=["一张美丽的山景日落照片"])


class CheckCacheHit(Body):
    """The image is known: no upload is needed."""

    success: Literal[True] = True
    cached: Literal[True] = True
    data: ClassificationData
    from_cache: Literal[True] = True
    request_id: RequestId
    timestamp: Timestamp
    matched_by: MatchedBy


class CheckCacheMiss(Body):
    """The image is not known: upload it."""

    success: Literal[True] = True
    cached: Literal[False] = False
    message: str = "Cache not found, please upload the full image"


class CheckCacheResponse(Body):
    """A hit has `data` and the rest, a miss has `message`.

    This is how the OpenAPI page shows `CheckCacheHit` and `CheckCacheMiss`: client generators for Kotlin, Dart and
    Swift cannot read one of two shapes.
    """

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    success: bool
    cached: bool
    data: ClassificationData | SkipJsonSchema[None] = None
    from_cache: bool | SkipJsonSchema[None] = None
    request_id: RequestId | SkipJsonSchema[None] = None
    timestamp: Timestamp | SkipJsonSchema[None] = None
    matched_by: MatchedBy | SkipJsonSchema[None] = Field(None, description="Only of a hit: how it was recognised")
    corrected_by: Literal["you"] | SkipJsonSchema[None] = Field(
        None, description="Only where the user has said what the photo shows: the answer is theirs alone"
    )
    message: str | SkipJsonSchema[None] = Field(None, description="Only of a miss: what to do")


def _with_own_answer(schema: dict[str, Any]) -> None:
    """Describe what the answer to a user who has voted has beside: `OwnClassifyResponse`."""
    describe_body(schema)
    description = "Only where the user has said what the photo shows: the answer is theirs alone"
    schema["properties"]["corrected_by"] = {"type": "string", "const": "you", "description": description}


class ClassifyResponse(Body):
    """The answer to an upload."""

    model_config = ConfigDict(json_schema_extra=_with_own_answer)

    success: Literal[True] = True
    data: ClassificationData
    from_cache: bool
    processing_time_ms: int = Field(ge=0, examples=[1523])
    request_id: RequestId
    timestamp: Timestamp
    matched_by: MatchedBy | None = Field(description="How it was recognised; null: it was answered just now")
    degraded: bool = Field(
        description="No model could be asked, and the embedded network answered: a later upload may be answered better"
    )
    model_used: str | None = Field(
        description="Who answered just now; null: the answer was known", examples=["gpt-6-luna"]
    )


class TokenTotalsData(Body):
    """Tokens as the vendors counted them."""

    images: int = Field(description="Images that a model was asked about, refused ones included", examples=[1067])
    input_tokens: int = Field(examples=[552_300])
    cached_tokens: int = Field(description="The part of input_tokens that the vendor had cached", examples=[0])
    output_tokens: int = Field(examples=[52_300])
    cost: float | None = Field(
        description="By LLM_PRICE_INPUT_PER_MTOK and LLM_PRICE_OUTPUT_PER_MTOK as they were; null unless both are set",
        examples=[0.0814],
    )
    calls: int = Field(description="Questions that were sent to models, whatever became of them", examples=[1102])


class TokenStatsData(Body):
    """What the models were paid for."""

    today: TokenTotalsData
    total: TokenTotalsData
    as_of: Timestamp
    timezone: Timezone
    basis: Literal["model_call"] = Field(description="What was counted: questions to models")


class TokenStatsResponse(Body):
    """The answer of `GET /stats/tokens`."""

    success: Literal[True] = True
    data: TokenStatsData


class UserStatsData(Body):
    """The requests of one user."""

    user_id: str = Field(examples=["device_uuid_123"])
    request_count: int = Field(examples=[152])
    cache_hits: int = Field(examples=[45])
    cache_hit_rate: Percentage
    first_request: Timestamp
    last_request: Timestamp


class TopUsersResponse(Body):
    """The answer of `GET /stats/users/top`."""

    success: Literal[True] = True
    data: list[UserStatsData]
    as_of: Timestamp
    timezone: Timezone
    basis: Literal["request_log"] = Field(description="What was counted: answered requests that are in the log")


class TopImageData(Body):
    """A cached image and how often it has been asked for."""

    image_hash: str
    category: Category
    confidence: Confidence
    hit_count: int = Field(examples=[23])
    created_at: Timestamp
    last_hit_at: Timestamp
    lifetime_days: int = Field(description="Whole days from the first to the last request", examples=[9])


class TopImagesResponse(Body):
    """The answer of `GET /stats/images/top`."""

    success: Literal[True] = True
    data: list[TopImageData]
    as_of: Timestamp
    timezone: Timezone
    basis: Literal["image_classification_cache"] = Field(description="What was counted: cached answers")


class RequestRecordData(Body):
    """One answered request."""

    request_id: RequestId
    image_hash: str
    image_size: int | None = Field(description="Bytes; null when only the hash was sent")
    category: Category
    confidence: Confidence
    from_cache: bool
    processing_time_ms: int | None
    created_at: Timestamp
    matched_by: MatchedBy | None = Field(description="How the photo was recognised; null: a model was asked")


class RequestRecordResponse(Body):
    """The answer of `GET /requests/{request_id}`."""

    success: Literal[True] = True
    data: RequestRecordData


class DatabaseNodeData(Body):
    """One of several MySQL servers, as this process last saw it."""

    address: str
    role: Literal["primary", "secondary", "recovering", "isolated", "unreachable", "refused"] = Field(
        description="`recovering`: not in its group yet, or any more; `isolated`: without the majority of it; "
        "`refused`: until a person changes something"
    )


class HealthResponse(Body):
    """The state of the service, with 200 when it can serve and 503 when it cannot."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    status: Literal["healthy", "degraded", "unhealthy"]
    timestamp: Timestamp
    database: Literal["connected", "disconnected", "not_initialized", "misconfigured"]
    model_api: Literal["available", "unavailable"]
    redis: Literal["connected", "bypassed"] | SkipJsonSchema[None] = Field(
        None, description="Whether Redis is used at the moment; absent where there is none"
    )
    spooled_records: int | SkipJsonSchema[None] = Field(
        None, description="Answers whose records wait in this process for the database; absent when none do"
    )
    database_nodes: list[DatabaseNodeData] | SkipJsonSchema[None] = Field(
        None, description="The servers of `MYSQL_HOST`, where it names several; for operators"
    )


class LiveResponse(Body):
    """The process runs. It says nothing about anything else."""

    status: Literal["alive"] = "alive"
    timestamp: Timestamp


class ErrorData(Body):
    """What went wrong, for programs (`code`) and for people (`message`)."""

    code: str
    message: str


class ErrorResponse(Body):
    """The one shape of every failure."""

    success: Literal[False] = False
    error: ErrorData
    request_id: RequestId
    timestamp: Timestamp
