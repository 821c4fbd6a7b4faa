"""The unit for systemd: the program accepts it, and it keeps photos off the disk."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contract.test_deployment import ROOT, seconds

UNIT = ROOT / "deploy/systemd/image-classifier.service"
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def setting(name: str) -> str:
    (value,) = [line.partition("=")[2] for line in UNIT.read_text().splitlines() if line.startswith(f"{name}=")]
    return value


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    # Its program is not installed here, nor has this machine its manual.
    unit.write_text(UNIT.read_text().replace("/opt/image-classifier/.venv/bin/gunicorn", "/bin/true"))

    checked = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)

    assert (checked.returncode, [line for line in checked.stderr.splitlines() if UNIT.name in line]) == (0, [])


@needs_systemd
def test_systemd_rates_the_unit_as_well_confined() -> None:
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(UNIT)]

    assert subprocess.run(command, capture_output=True).returncode == 0


def test_the_unit_lets_the_service_end_in_order_and_keeps_its_memory_off_the_disk() -> None:
    assert seconds(setting("TimeoutStopSec")) > 90  # gunicorn's limit
    assert setting("LimitCORE") == "0"
    assert setting("MemorySwapMax") == "0"
    assert setting("ProtectSystem") == "strict"
