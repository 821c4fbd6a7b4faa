"""gunicorn -c gunicorn_config.py app.main:app"""

import os

from app.config import load_settings

_settings = load_settings()  # a wrong setting stops the master here, with one line

_host = f"[{_settings.app_host}]" if ":" in _settings.app_host else _settings.app_host
bind = f"{_host}:{_settings.app_port}"
workers = _settings.web_concurrency or os.cpu_count() or 1
worker_class = "uvicorn_worker.UvicornWorker"
# heartbeats in memory, not on a slow disk
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108  # nosec B108  # gunicorn's own files
# Never recycled: replacing a worker fails the requests that meet the gap, and empties its caches.
max_requests = 0
timeout = 70  # a worker whose event loop stands still this long is replaced
graceful_timeout = (
    45  # above the longest answer (LLM_TIMEOUT and a dead process's lease), so that it ends before its worker
)
keepalive = 75  # above the proxy's 60: the one that reuses connections must be the one that closes them
forwarded_allow_ips = ",".join(_settings.trusted_proxies)
accesslog = None  # the application writes the access line, with the request id
errorlog = "-"
control_socket_disable = True
proc_name = "image-classifier"
