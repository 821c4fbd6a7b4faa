"""gunicorn -c gunicorn_config.py app.main:app"""

import os
import resource
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from app.config import load_settings
from app.observe import metrics_folder
from app.observe.logs import configure_logging
from app.services.one_call.lease import LEASE_SECONDS
from app.storage_check import check_storage

resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold photos

# A wrong setting stops the master here, with one line.
_settings = load_settings()
check_storage(_settings)
_longest_answer_seconds = int(_settings.llm_timeout + LEASE_SECONDS)

_host = f"[{_settings.app_host}]" if ":" in _settings.app_host else _settings.app_host
bind = f"{_host}:{_settings.app_port}"
workers = _settings.web_concurrency or os.cpu_count() or 1
worker_class = "app.server.Worker"
# heartbeats in memory, not on a slow disk
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108  # nosec B108  # gunicorn's own files
# Never recycled: replacing a worker fails the requests that meet the gap, and empties its caches.
max_requests = 0
# Half of it for the answers in flight, half for the application to close: see app/server.py.
graceful_timeout = 2 * (_longest_answer_seconds + 5)
# A worker whose event loop stands still this long is replaced. One that ends gives no signs of life.
timeout = graceful_timeout
keepalive = 75  # above the proxy's 60: the one that reuses connections must be the one that closes them
forwarded_allow_ips = ",".join(_settings.trusted_proxies)
accesslog = None  # the application writes the access line, with the request id
errorlog = "-"
control_socket_disable = True
proc_name = "image-classifier"


class logger_class(Logger):  # type: ignore[misc]  # gunicorn's name for it; it has no types
    """The master's lines, and those of workers that are not serving yet, in the form of all others."""

    def setup(self, cfg: Any) -> None:
        """Take over all loggers."""
        super().setup(cfg)
        configure_logging(
            level="DEBUG" if _settings.app_debug else _settings.log_level, as_json=_settings.env == "production"
        )


def on_starting(_server: Any) -> None:
    """Give the workers a new folder, in memory, before one of them is there: for their metrics, and for their shares of
    the memory that decoding takes."""
    metrics_folder.make(os.environ, worker_tmp_dir)
    if _settings.image_decode_lock_file is None:
        # Beside the figures: it goes when they do.
        os.environ["IMAGE_DECODE_LOCK_FILE"] = f"{os.environ[metrics_folder.VARIABLE]}/decoding.lock"


def post_fork(server: Any, _worker: Any) -> None:
    """Tell a new worker with how many it shares the cores, and let it count on where one that has ended stopped."""
    os.environ["WEB_CONCURRENCY"] = str(server.num_workers)
    metrics_folder.take_over(Path(os.environ[metrics_folder.VARIABLE]), os.getpid())


def post_worker_init(worker: Any) -> None:
    """Take the loggers over once more: the worker has given uvicorn's to nobody."""
    worker.log.setup(worker.cfg)


def child_exit(_server: Any, worker: Any) -> None:
    """Forget what was there in a worker; what it had counted stays."""
    metrics_folder.forget(worker.pid)


def on_exit(_server: Any) -> None:
    """Leave nothing behind."""
    metrics_folder.remove(Path(os.environ[metrics_folder.VARIABLE]))
