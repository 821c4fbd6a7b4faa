"""The TypeScript example of docs/apps.md, as it stands there, compiles strictly and gets a photo classified."""

import subprocess
from pathlib import Path

import pytest

from tests.support.apps_page import SIGNING_KEY, code_blocks
from tests.support.npm_packages import run_in
from tests.support.service_process import ROOT, running_service
from tests.support.unreliable_front import CHECK, UPLOAD, Fault, Front, refuses

TSC = ["--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext", "--types", "node"]


@pytest.fixture(scope="module")
def program(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled example, in a folder with nothing else but the tools of the client."""
    folder = tmp_path_factory.mktemp("example")
    (folder / "node_modules").symlink_to((package / "node_modules").resolve())
    (folder / "package.json").write_text('{"type": "module"}')
    for name in ("classify", "main"):
        (folder / f"{name}.ts").write_text(code_blocks()[f"ts {name}"], encoding="utf-8")
    run_in(folder, "node_modules/.bin/tsc", *TSC, "main.ts")
    return folder / "main.js"


@pytest.mark.parametrize("signing_keys", ["", SIGNING_KEY], ids=["unsigned", "signed"])
def test_the_pages_typescript_gets_photos_classified(program: Path, signing_keys: str, tmp_path: Path) -> None:
    photos = ["samples/cat.png", "samples/coffee.png", "samples/cat.png"]
    with running_service(tmp_path, signing_keys=signing_keys) as service:
        where = (f"CLASSIFIER_URL={service.url}", f"CLASSIFIER_SIGNING_KEY={signing_keys}")
        printed = run_in(ROOT, "env", *where, "node", str(program), *photos)

    assert printed.splitlines() == ["samples/cat.png pets", "samples/coffee.png foods", "samples/cat.png pets"]


def test_a_service_that_wants_signatures_refuses_it_without_one_at_once(program: Path, tmp_path: Path) -> None:
    with running_service(tmp_path, signing_keys=SIGNING_KEY) as service:
        command = ["env", f"CLASSIFIER_URL={service.url}", "node", str(program), "samples/cat.png"]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)

    assert ended.returncode != 0
    assert "missing_signature" in ended.stderr


def test_an_upload_whose_answer_was_lost_is_asked_for_and_not_sent_again(program: Path, tmp_path: Path) -> None:
    with running_service(tmp_path) as service, Front.running(service.url) as front:
        front.script = {UPLOAD: [Fault(loses_answer=True)]}
        printed = run_in(ROOT, "env", f"CLASSIFIER_URL={front.url}", "node", str(program), "samples/cat.png")

    assert printed == "samples/cat.png pets\n"
    assert front.paths() == [CHECK, UPLOAD, CHECK]


def test_while_nobody_can_say_whether_a_photo_is_known_it_is_not_uploaded_again(program: Path, tmp_path: Path) -> None:
    def lose_the_database(path: str) -> None:
        if path == UPLOAD:
            front.always[CHECK] = refuses(503, "database_unavailable", **{"retry-after": "200"})

    with running_service(tmp_path) as service, Front.running(service.url) as front:
        front.script = {UPLOAD: [Fault(loses_answer=True)]}
        front.on_request = lose_the_database
        command = ["env", f"CLASSIFIER_URL={front.url}", "node", str(program), "samples/cat.png"]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)

    assert ended.returncode != 0
    assert "database_unavailable" in ended.stderr
    assert front.paths() == [CHECK, UPLOAD, CHECK]
