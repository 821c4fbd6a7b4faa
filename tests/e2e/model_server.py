"""The fake vendor in a container of its own: it answers as ever, and takes the tests' orders over HTTP."""

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.fake_model_server import Behaviour, FakeModels

PORT = 9000


def application() -> object:
    models = FakeModels()
    app = models.application()

    async def calls(_: Request) -> Response:
        return JSONResponse(len(models.calls))

    async def hang(_: Request) -> Response:
        models.behaviour = Behaviour(hang=True)
        return Response(status_code=204)

    async def reset(_: Request) -> Response:
        """Let go of the answers that hang, forget all calls."""
        models.reset()
        return Response(status_code=204)

    app.routes.extend([Route("/calls", calls), Route("/hang", hang, methods=["POST"])])
    app.routes.append(Route("/reset", reset, methods=["POST"]))
    return app


if __name__ == "__main__":
    uvicorn.run(application(), host="0.0.0.0", port=PORT, lifespan="off", access_log=False)  # type: ignore[arg-type]
