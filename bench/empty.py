"""The empty application to compare with: the same routes and models, typed as FastAPI documents it, doing nothing."""

import hashlib
from typing import Annotated

from fastapi import FastAPI, Header, UploadFile

from app.models.domain import Category
from app.models.identity import MatchedBy
from app.models.request import CheckCacheRequest
from app.models.response import CheckCacheHit, CheckCacheMiss, ClassificationData, ClassifyResponse
from app.utils.clock import utc_now

app = FastAPI()
_DATA = ClassificationData(category=Category.PETS, confidence=0.9, description="一只猫")
_REQUEST_ID = "req_1696934400_a3f5d8c2b1e9"


@app.post("/hit")
async def hit(
    body: CheckCacheRequest, x_user_id: Annotated[str | None, Header()] = None
) -> CheckCacheHit | CheckCacheMiss:
    return CheckCacheHit(data=_DATA, request_id=_REQUEST_ID, timestamp=utc_now(), matched_by=MatchedBy.BYTES)


@app.post("/miss")
async def miss(
    body: CheckCacheRequest, x_user_id: Annotated[str | None, Header()] = None
) -> CheckCacheHit | CheckCacheMiss:
    return CheckCacheMiss()


@app.post("/upload")
async def upload(image: UploadFile, x_user_id: Annotated[str | None, Header()] = None) -> ClassifyResponse:
    hashlib.sha256(await image.read()).hexdigest()
    return ClassifyResponse(
        data=_DATA,
        from_cache=True,
        processing_time_ms=1,
        request_id=_REQUEST_ID,
        timestamp=utc_now(),
        matched_by=MatchedBy.BYTES,
        degraded=False,
        model_used=None,
    )


@app.get("/api/v1/health/live")
async def live() -> dict[str, str]:
    return {"status": "alive"}
