"""A service that cannot run its network says so at its start, in one line."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.service_process import ROOT, environment

START = "import runpy; runpy.run_module('app', run_name='__main__')"
WITHOUT_NUMPY = f"import sys; sys.modules['numpy'] = None; {START}"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the service's code, to be damaged."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("app", "sql"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def start(folder: Path, script: str, **settings: object) -> subprocess.CompletedProcess[str]:
    values = environment(folder, **settings) | {"PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=folder, env=values, capture_output=True, text=True, timeout=30, check=False)


def test_without_numpy_the_start_ends_with_a_line_that_names_it(copy: Path) -> None:
    ended = start(copy, WITHOUT_NUMPY)

    assert ended.returncode == 1
    assert ended.stderr == (
        "configuration: LLM_PROVIDER: the embedded network needs the package numpy, which is not installed\n"
    )


@pytest.mark.parametrize("setting", [{"local_fallback": "unavailable"}, {"local_first": "0.9"}])
def test_the_setting_that_needs_the_network_is_named(setting: dict[str, str], copy: Path) -> None:
    ended = start(copy, WITHOUT_NUMPY, llm_provider="openai", llm_api_key="k", **setting)

    (name,) = setting
    assert ended.stderr.startswith(f"configuration: {name.upper()}: the embedded network needs the package numpy")


def test_a_vendors_model_needs_no_numpy(copy: Path) -> None:
    script = "import sys; sys.modules['numpy'] = None; import app.main; print('started')"

    assert start(copy, script, llm_provider="openai", llm_api_key="k").stdout == "started\n"


def test_a_damaged_model_file_ends_the_start_with_a_line_that_names_it(copy: Path) -> None:
    model = copy / "app/services/network/weights/photo-net.npz"
    whole = model.read_bytes()
    model.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))

    ended = start(copy, START)
    model.write_bytes(whole)

    assert ended.returncode == 1
    assert ended.stderr.startswith(
        f"configuration: LLM_PROVIDER: the embedded network cannot run: the model file {model} is damaged"
    )
    assert ended.stderr.count("\n") == 1
