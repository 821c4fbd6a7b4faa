"""`python -m app`, or `image-classifier`: one process, for a laptop. In production gunicorn runs `app.main:app`."""

import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.supervisors import ChangeReload

from app.config import Settings, load_settings
from app.ending import StreamEndingServer
from app.storage_check import check_storage

_TRY = """
Image classifier on {url}

  try it             {url}
  the dashboard      {url}/dashboard
  the interface      {url}/docs
  classify a photo   curl -F image=@{photo} {url}/api/v1/classify
  and what it cost   curl {url}/api/v1/stats/today
"""
_LOCAL = """
  No model is configured: the embedded network answers, offline. It was right on 88 % of the photos it was measured on;
  what it gets wrong is in docs/embedded-network.md. With LLM_API_KEY=... a model is asked instead.
"""
_SAMPLE = Path("samples/cat.png")
"""In a checkout. Who has installed the wheel takes a photo of their own."""


class _Server(StreamEndingServer):
    """Says what to try once it listens, and not before."""

    def __init__(self, config: uvicorn.Config, greeting: str) -> None:
        super().__init__(config)
        self._greeting = greeting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._greeting:
            print(self._greeting, flush=True)  # noqa: T201  # for the person at the terminal, not for the log


def main() -> None:
    """Serve until interrupted."""
    settings = load_settings()
    check_storage(settings)
    if settings.app_debug:
        # The reloader starts the server in a child process of its own. uvicorn.run would take one that ends no streams.
        config = uvicorn.Config("app.main:app", reload=True, reload_dirs=["app"], **_options(settings))
        ChangeReload(config, target=StreamEndingServer(config).run, sockets=[config.bind_socket()]).run()
        return
    everywhere = "0.0.0.0"  # noqa: S104  # nosec B104  # only to print another
    host = "127.0.0.1" if settings.app_host == everywhere else settings.app_host
    host = f"[{host}]" if ":" in host else host
    url, photo = f"http://{host}:{settings.app_port}", _SAMPLE if _SAMPLE.is_file() else "photo.jpg"
    # In production every line is a JSON object.
    greeting = "" if settings.env == "production" else _TRY.format(url=url, photo=photo)
    if greeting and settings.provider == "local":
        greeting += _LOCAL
    with suppress(KeyboardInterrupt):  # Ctrl-C is how one stops it, not an error
        _Server(uvicorn.Config("app.main:app", **_options(settings)), greeting).run()


def _options(settings: Settings) -> dict[str, Any]:
    return {
        "host": settings.app_host,
        "port": settings.app_port,
        "http": "app.http_protocol:LimitedProtocol",
        "ws": "none",
        "log_config": None,
        "access_log": False,
        "forwarded_allow_ips": ",".join(settings.trusted_proxies),
        "timeout_graceful_shutdown": 10,
    }


if __name__ == "__main__":
    main()
