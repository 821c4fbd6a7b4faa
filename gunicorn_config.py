"""gunicorn -c gunicorn_config.py app.main:app"""

import os
import resource

from app.config import load_settings
from app.services.turn import LEASE_SECONDS
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
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
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
