"""Hot routes pass the framework by, so nothing may hang on them that only the framework would run."""

from typing import Any

import pytest
from fastapi import Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware

from app.api.http.hot import Call, HotRouter
from app.models.response import ClassifyResponse


async def endpoint(call: Call) -> ClassifyResponse:
    raise NotImplementedError


def a_dependency() -> None:
    pass


def make_router() -> HotRouter:
    router = HotRouter("/classify", "classify")
    router.post("", summary="Classify", answer=ClassifyResponse, responses={}, body={})(endpoint)
    return router


def make_app(router: HotRouter, *, of_all: list[Any] | None = None, of_these: list[Any] | None = None) -> FastAPI:
    """Return an application with dependencies of all its routes, and of these routes."""
    app = FastAPI(dependencies=of_all)
    app.include_router(router.documentation, dependencies=of_these)
    return app


def test_a_hot_route_is_served_and_documented_at_the_same_path() -> None:
    router = make_router()

    assert list(router.routes) == ["/classify"]
    assert list(make_app(router).openapi()["paths"]) == ["/classify"]
    router.check(make_app(router))


@pytest.mark.parametrize("place", ["of_all", "of_these"])
def test_a_dependency_that_would_never_run_stops_the_start(place: str) -> None:
    router = make_router()

    with pytest.raises(RuntimeError, match="would never run"):
        router.check(make_app(router, **{place: [Depends(a_dependency)]}))


def test_a_dependency_added_to_the_router_stops_the_start() -> None:
    router = HotRouter("/classify", "classify")
    router.documentation.dependencies.append(Depends(a_dependency))
    router.post("", summary="Classify", answer=ClassifyResponse, responses={}, body={})(endpoint)

    with pytest.raises(RuntimeError, match="would never run"):
        router.check(make_app(router))


def test_a_middleware_of_the_frameworks_stops_the_start() -> None:
    router = make_router()
    app = make_app(router)
    app.add_middleware(GZipMiddleware)

    with pytest.raises(RuntimeError, match="would never run"):
        router.check(app)
