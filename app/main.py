"""The application: what it is made of, in a visible list. Servers import `app.main:app`."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from app.api import about, batch, cache, categories, classify, feedback, health, history, live, metrics, requests, stats
from app.api.http.cors import allow_origins
from app.api.http.exception_handlers import add_exception_handlers
from app.api.http.middleware import RequestMiddleware
from app.api.http.openapi_page import PAGE, install_openapi, operation_id
from app.config import Settings, load_settings
from app.container import Container, open_container
from app.ending import END_STREAMS
from app.observe.logs import configure_logging
from app.observe.metrics import Metrics
from app.version import VERSION
from app.web.pages import add_pages

_BASE_PATH = "/api/v1"
_HOT = (classify, batch)
_ROUTERS = [
    *(module.hot.documentation for module in _HOT),
    *(module.router for module in (requests, history, feedback, categories, about, stats, live, cache, health)),
]
_GC_THRESHOLDS = (20_000, 20, 20)
"""A request makes a few hundred objects and hardly a cycle: by default every third one would start a collection."""

_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""The framework's own, which asks at every request whether somebody has configured it."""


def create_app(settings: Settings, container: Container | None = None) -> FastAPI:
    """Return the application. With a `container`, as in tests, it builds and closes none of its own."""
    measured = container.metrics if container is not None else Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        if container is not None:
            yield {}
            return
        app.state.access_log = configure_logging(
            level="DEBUG" if settings.app_debug else settings.log_level, as_json=settings.env == "production"
        )
        async with open_container(settings, measured) as built:
            app.state.container = built
            gc.collect()
            gc.freeze()  # what is there now stays: the collector need not look at it again and again
            gc.set_threshold(*_GC_THRESHOLDS)
            yield {END_STREAMS: built.live.end}

    app = FastAPI(
        **PAGE,
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
        routes=_ROUTES,
    )
    app.state.container = container
    app.state.access_log = None
    add_exception_handlers(app)
    add_pages(app)
    bodies = [module.REQUEST_BODIES for module in (*_HOT, cache, feedback)]
    install_openapi(app, settings, {name: schema for body in bodies for name, schema in body.items()})
    # Around all of the framework's own layers.
    hot: dict[str, ASGIApp] = {}
    for module in _HOT:
        module.hot.check(app)
        hot.update({f"{_BASE_PATH}{path}": route for path, route in module.hot.routes.items()})
    outermost = _middleware(settings)(app.build_middleware_stack(), hot, measured, _templates(app))
    app.middleware_stack = allow_origins(outermost, settings.cors_origins)
    return app


def _middleware(settings: Settings) -> type[RequestMiddleware]:
    """Return the outermost layer, which tells of requests where traces are sent."""
    if settings.traces_address is None:
        return RequestMiddleware
    from app.api.http.traced import TracedMiddleware

    return TracedMiddleware


def _templates(app: FastAPI) -> dict[Any, str]:
    """Return the path of each endpoint, with names in place of values."""
    placed = [(_BASE_PATH, router.routes) for router in _ROUTERS] + [("", metrics.router.routes), ("", app.routes)]
    return {
        route.endpoint: f"{prefix}{route.path}"
        for prefix, routes in placed
        for route in routes
        if isinstance(route, Route)
    }


def _included() -> list[BaseRoute]:
    """Return the routes of the interface at their addresses."""
    parent = APIRouter(generate_unique_id_function=operation_id)
    for router in _ROUTERS:
        parent.include_router(router, prefix=_BASE_PATH)
    parent.include_router(metrics.router)
    return parent.routes


_ROUTES = _included()
"""Made once, however many applications there are: it takes a tenth of a second."""

app = create_app(load_settings())
