"""Hot routes pass the framework by, so nothing may hang on them that only the framework would run."""

import pytest
from fastapi import Depends
from fastapi.routing import APIRoute

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


def test_a_hot_route_is_served_and_documented_at_the_same_path() -> None:
    router = make_router()

    assert list(router.routes) == ["/classify"]
    assert [route.path for route in router.documentation.routes if isinstance(route, APIRoute)] == ["/classify"]
    router.check()


def test_a_dependency_added_to_a_hot_route_stops_the_start() -> None:
    router = make_router()
    for route in router.documentation.routes:
        assert isinstance(route, APIRoute)
        route.dependencies.append(Depends(a_dependency))

    with pytest.raises(RuntimeError, match="would never run"):
        router.check()


def test_a_dependency_added_to_the_router_stops_the_start() -> None:
    router = HotRouter("/classify", "classify")
    router.documentation.dependencies.append(Depends(a_dependency))
    router.post("", summary="Classify", answer=ClassifyResponse, responses={}, body={})(endpoint)

    with pytest.raises(RuntimeError):
        router.check()
