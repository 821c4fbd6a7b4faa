"""The bodies of `/history`, and their examples on the OpenAPI page."""

from typing import Literal

from pydantic import Field

from app.models.body import Body
from app.models.examples import RECORD
from app.models.identity import MatchedBy
from app.models.response import RequestRecordData


class HistoryResponse(Body):
    """The answer of `GET /history`."""

    success: Literal[True] = True
    data: list[RequestRecordData] = Field(description="Newest first")
    next: str | None = Field(description="`before` of the next page; null: there is none", examples=["1760097600-7"])


class ErasureData(Body):
    """What was erased."""

    records: int = Field(description="Records that do not say any more whose they are", examples=[152])
    complete: bool = Field(description="Whether there are none left: if not, call again")


class ErasureResponse(Body):
    """The answer of `DELETE /history`."""

    success: Literal[True] = True
    data: ErasureData


_HIT = RECORD.data.model_copy(update={"from_cache": True, "matched_by": MatchedBy.CONTENT, "processing_time_ms": 3})

PAGE = HistoryResponse(data=[_HIT], next="1760097600-7")
ERASED = ErasureResponse(data=ErasureData(records=152, complete=True))
