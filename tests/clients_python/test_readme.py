"""The README's programs run as they are."""

import os
import re
import subprocess
import sys

import pytest

from tests.support.service_process import ROOT, Service

README = (ROOT / "clients/python/README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("program", PROGRAMS, ids=["sync", "async"])
def test_a_program_of_the_readme_answers(program: str, service: Service) -> None:
    assert "http://127.0.0.1:8000" in program
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", program.replace("http://127.0.0.1:8000", service.url)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "clients/python/src")},
        capture_output=True,
        text=True,
        timeout=50,
    )

    assert ended.returncode == 0, ended.stderr
    assert len(ended.stdout.splitlines()) == program.count("print(") + program.count("samples/coffee.png")
