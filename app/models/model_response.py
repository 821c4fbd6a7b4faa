"""The body of `GET /stats/models`, and its example on the OpenAPI page."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from app.models.body import Body, Share, Timestamp, Timezone


class OutcomeCountData(Body):
    """How many questions had one outcome."""

    outcome: str = Field(
        description="answered, refused, or what failed: bad_answer, rejected, unavailable, misconfigured, timeout, "
        "cancelled; of the embedded network beside a model: sure, unsure, agreed, disagreed, degraded",
        examples=["answered"],
    )
    calls: int = Field(examples=[1061])


class ModelStatsData(Body):
    """The questions to one model, in one lane."""

    provider: str | None = Field(description="Null: from before this was kept", examples=["openai"])
    model: str | None = Field(examples=["gpt-6-luna"])
    lane: str = Field(description="Which of the vendor's prices", examples=["standard"])
    calls: int = Field(description="Questions that were sent, whatever became of them", examples=[1067])
    outcomes: list[OutcomeCountData] = Field(description="Most frequent first")
    input_tokens: int = Field(examples=[552_300])
    cached_tokens: int = Field(description="The part of input_tokens that the vendor had cached", examples=[0])
    output_tokens: int = Field(examples=[52_300])
    unpriced_tokens: int = Field(
        description="Those of input_tokens and output_tokens whose cost is not on record, from before it was kept: "
        "`cost` has them at the prices of today",
        examples=[0],
    )
    cost: float = Field(description="What they cost, at the prices of their moments", examples=[0.0814])
    avg_duration_ms: int | None = Field(description="From the question sent to what became of it", examples=[1480])


class NetworkStatsData(Body):
    """What the embedded network was good for beside a model: see LOCAL_FIRST and LOCAL_FALLBACK."""

    photos: int = Field(description="Photos that it looked at before a model", examples=[1000])
    answered: int = Field(description="Of these, those that it answered alone", examples=[630])
    share_answered: Share = Field(examples=[0.63])
    compared: int = Field(description="Of these, those that it was sure of and a model was asked about", examples=[13])
    agreed: int = Field(description="Where both said the same category", examples=[13])
    agreement: Share | None = Field(description="Null: nothing was compared", examples=[1.0])
    agreement_low: Share = Field(description="The true share is above, with 95 % confidence (Wilson)")
    agreement_high: Share = Field(description="And it is below")
    degraded: int = Field(description="Looks in place of models that were away", examples=[0])


class ModelsStatsData(Body):
    """What models were asked, and what came of it, from `start` until `as_of`."""

    days: int = Field(examples=[30])
    start: Timestamp
    as_of: Timestamp
    timezone: Timezone
    basis: Literal["model_call"] = Field(description="What was counted: questions to models")
    models: list[ModelStatsData] = Field(description="Most asked first")
    network: NetworkStatsData


class ModelsStatsResponse(Body):
    """The answer of `GET /stats/models`."""

    success: Literal[True] = True
    data: ModelsStatsData


MODELS = ModelsStatsResponse(
    data=ModelsStatsData(
        days=30,
        start=datetime(2025, 9, 11, tzinfo=UTC),
        as_of=datetime(2025, 10, 10, 12, tzinfo=UTC),
        timezone="UTC",
        basis="model_call",
        models=[
            ModelStatsData(
                provider="local",
                model="local-network",
                lane="standard",
                calls=1000,
                outcomes=[
                    OutcomeCountData(outcome="sure", calls=630),
                    OutcomeCountData(outcome="unsure", calls=357),
                    OutcomeCountData(outcome="agreed", calls=13),
                ],
                input_tokens=0,
                cached_tokens=0,
                output_tokens=0,
                unpriced_tokens=0,
                cost=0,
                avg_duration_ms=52,
            ),
            ModelStatsData(
                provider="openai",
                model="gpt-6-luna",
                lane="standard",
                calls=370,
                outcomes=[OutcomeCountData(outcome="answered", calls=370)],
                input_tokens=195_360,
                cached_tokens=0,
                output_tokens=18_130,
                unpriced_tokens=0,
                cost=0.0286,
                avg_duration_ms=1480,
            ),
        ],
        network=NetworkStatsData(
            photos=1000,
            answered=630,
            share_answered=0.63,
            compared=13,
            agreed=13,
            agreement=1.0,
            agreement_low=0.7719,
            agreement_high=1.0,
            degraded=0,
        ),
    )
)
