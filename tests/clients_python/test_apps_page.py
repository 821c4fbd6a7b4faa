"""The Python example of docs/apps.md, as it stands there, signs and gets a photo classified."""

import os
import subprocess
import sys

from tests.clients_python.conftest import API_KEY
from tests.support.apps_page import SIGNING_KEY, code_blocks
from tests.support.service_process import ROOT, Service


def test_the_pages_python_gets_a_photo_classified_by_a_service_that_wants_signatures(guarded_service: Service) -> None:
    def run(**more: str) -> str:
        paths = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "clients/python/src")}
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", code_blocks()["python"], "samples/cat.png", "README.md"],
            cwd=ROOT,
            env={**paths, "CLASSIFIER_URL": guarded_service.url, "CLASSIFIER_API_KEY": API_KEY, **more},
            capture_output=True,
            text=True,
            check=True,
            timeout=50,
        ).stdout

    signed, unsigned = run(CLASSIFIER_SIGNING_KEY=SIGNING_KEY), run()

    cat, readme = signed.splitlines()
    assert cat == "samples/cat.png pets"
    assert readme.startswith("README.md unsupported_format req_")
    assert unsigned.count(" missing_signature ") == 2
