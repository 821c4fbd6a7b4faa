"""Requests that are generated from the OpenAPI page, and whether a service answers them as the page says."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.service_process import Service

_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
_ENDLESS = "/api/v1/stats/live/stream"
"""An answer that goes on for a quarter of an hour: tests/api/test_live_streams.py."""


def check_generated_requests(service: Service, page: dict[str, Any], folder: Path, examples: int) -> None:
    """Ask what the page's examples ask, what is at and beyond each limit of its schemas, and so many other requests an
    operation; fail with what was answered otherwise than documented."""
    # Without what the page says of any other failure, or no status would be undocumented.
    operations = [operation for methods in page["paths"].values() for operation in methods.values()]
    for operation in operations:
        del operation["responses"]["default"]
    (folder / "openapi.json").write_text(json.dumps(page), encoding="utf-8")
    command = [sys.executable, "-m", "schemathesis.cli", "run", "openapi.json", "--url", service.url]
    options = ["--phases", "examples,coverage,fuzzing", "--max-examples", f"{examples}", "--exclude-path", _ENDLESS]

    # Elsewhere than here: it leaves a database of examples behind.
    ended = subprocess.run(
        [*command, *options, "--checks", ",".join(_CHECKS)], cwd=folder, capture_output=True, text=True
    )

    assert ended.returncode == 0, ended.stdout
    assert f"{len(operations) - 1} selected / {len(operations)} total" in ended.stdout, ended.stdout
