"""The wheel: what is in it, and that it runs where it is installed, without the repository."""

import subprocess
import sys
from collections.abc import Sequence
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from app.version import VERSION
from tests.support.service_process import ROOT, Service, environment, running_service

COMMAND = "image-classifier"
OF_THE_INSTALLED = {"pythonpath": ""}
"""In place of the repository, which `running_service` names otherwise."""


def uv(*arguments: str | Path) -> None:
    done = subprocess.run([sys.executable, "-m", "uv", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--out-dir", folder)  # the source archive, and of that the wheel
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the commands of a new environment in which nothing but the wheel was asked for."""
    made = tmp_path_factory.mktemp("venv") / "venv"
    uv("venv", "--python", sys.executable, made)
    uv("pip", "install", "--compile-bytecode", "--python", made, wheel, "--constraint", "requirements.txt")
    return made / "bin"


def files_of(*folders: str) -> set[str]:
    found = {path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()}
    return {str(path.relative_to(ROOT)) for path in found if path.suffix != ".pyc"}


def metadata_of(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(archive.read(name))


def classified(service: Service) -> str:
    """Return the category of the cat."""
    image = (ROOT / "samples/cat.png").read_bytes()
    answer = httpx.post(f"{service.url}/api/v1/classify", files={"image": image}, timeout=60)
    assert answer.status_code == 200, f"{answer.text} {service.printed()}"
    return str(answer.json()["data"]["category"])


def test_the_wheel_holds_the_service_and_no_tests_and_no_bench(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert inside == files_of("app") | {f"app/{name}" for name in files_of("sql")} | {"app/gunicorn_config.py"}


def test_its_version_and_what_it_needs_are_said_in_one_place_each(wheel: Path) -> None:
    metadata = metadata_of(wheel)
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()

    assert metadata["Version"] == VERSION
    assert set(metadata.get_all("Requires-Dist", [])) == {line for line in lines if line and not line.startswith("#")}


@pytest.mark.timeout(300)
def test_one_command_of_the_installed_wheel_answers_a_photo_in_any_folder(commands: Path, tmp_path: Path) -> None:
    """Also in one with a package of the same name, as projects of others have."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app/__init__.py").write_text("raise SystemExit('this is another app')")
    with running_service(tmp_path, (str(commands / COMMAND),), **OF_THE_INSTALLED) as service:
        assert "curl -F image=@photo.jpg" in service.printed()
        assert classified(service) == "pets"
        assert httpx.get(f"{service.url}/openapi.json").json()["info"]["version"] == VERSION


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "command", [["image-classifier-admin"], ["python", "-m", "app.cli"]], ids=["command", "module"]
)
def test_the_installed_wheel_makes_its_own_tables(commands: Path, command: Sequence[str], tmp_path: Path) -> None:
    program, *arguments = command
    done = subprocess.run(
        [commands / program, *arguments, "migrate"],
        cwd=tmp_path,
        env=environment(tmp_path, **OF_THE_INSTALLED),
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert "up to date" in done.stdout


@pytest.mark.timeout(300)
def test_the_installed_wheel_runs_under_gunicorn(commands: Path, tmp_path: Path) -> None:
    command = (str(commands / "gunicorn"), "-c", "python:app.gunicorn_config", "app.main:app")
    with running_service(tmp_path, command, **OF_THE_INSTALLED, web_concurrency=1) as service:
        assert classified(service) == "pets"
