"""What can be held of the Dart client without Dart: its readers of files and its rule for other tries, run as
JavaScript, and what its files say.

They are not a second text: the lines of the client itself are run, with their types taken away. That shows that
their logic is the service's. It does not show that a Dart compiler takes them, nor anything about numbers above 2^53 or
below 0, which the readers avoid.
"""

import base64
import json
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.utils.content_hash.content_hash import content_hash
from tests.support.apps_page import repeated_errors
from tests.support.dart_as_javascript import READERS, SOURCE, readers_as_javascript, rule_as_javascript

VECTORS = json.loads((SOURCE.parents[1] / "tests/vectors/content_hash.json").read_text(encoding="utf-8"))["vectors"]
MAX_LINES = 270
DISTURBED_OF_EACH = 8

_HASH_THEM = """
const { createHash } = require("node:crypto");
const { readFileSync } = require("node:fs");
const nameOf = (file) => {
  try {
    const digest = createHash("sha256");
    for (const part of namedParts(Uint8List.fromList(Buffer.from(file, "base64")))) digest.update(part.slice());
    return `c1:${digest.digest("hex")}`;
  } catch (error) {
    if (error instanceof NoName) return null;
    throw error;
  }
};
process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(nameOf)));
"""
_JUDGE_THEM = """
const told = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(told.map(([code, status]) => mayPassLater(status, code))));
"""


def names_of(files: list[bytes], folder: Path) -> list[str | None]:
    """Return what the client's readers make of each file."""
    told = [base64.b64encode(file).decode() for file in files]
    names: list[str | None] = run(readers_as_javascript() + _HASH_THEM, told, folder)
    return names


def run(code: str, told: object, folder: Path) -> Any:
    """Return what a program answers, as JSON, to what it is told."""
    if shutil.which("node") is None:
        pytest.skip("node is not on the PATH")
    program = folder / "client.js"
    program.write_text(code, encoding="utf-8")
    done = subprocess.run(["node", program], input=json.dumps(told), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def disturbed(file: bytes, chance: random.Random) -> bytes:
    """Return the file with a byte changed, taken out or put in, or cut off."""
    at = chance.randrange(min(len(file), chance.choice([64, 1024, len(file)])))
    byte = bytes([chance.choice([0, 1, 0x7F, 0xFF, chance.randrange(256)])])
    return chance.choice([file[:at] + byte + file[at + 1 :], file[:at] + file[at + 1 :], file[:at] + byte + file[at:]])


def test_every_file_of_the_vectors_has_its_name_and_none_where_it_has_none(tmp_path: Path) -> None:
    names = names_of([base64.b64decode(vector["file"]) for vector in VECTORS], tmp_path)

    found = dict(zip((vector["name"] for vector in VECTORS), names, strict=True))
    assert found == {vector["name"]: vector["hash"] for vector in VECTORS}


def test_disturbed_files_have_the_names_that_the_service_gives_them(tmp_path: Path) -> None:
    chance = random.Random(25)
    whole = [file for vector in VECTORS if (file := base64.b64decode(vector["file"]))]
    files = [disturbed(file, chance) for file in whole for _ in range(DISTURBED_OF_EACH)]
    expected = [content_hash(file) for file in files]
    assert len(set(expected)) > 100

    names = names_of(files, tmp_path)

    assert [n for n, (name, right) in enumerate(zip(names, expected, strict=True)) if name != right] == []


def test_what_the_page_for_apps_says_is_tried_again_and_nothing_else(tmp_path: Path) -> None:
    told = repeated_errors()

    again = run(rule_as_javascript() + _JUDGE_THEM, told, tmp_path)

    assert dict(zip([code for code, *_ in told], again, strict=True)) == {code: yes for code, _, yes in told}


def test_every_reader_is_run() -> None:
    program = readers_as_javascript()

    parts = {path.stem for path in READERS.glob("*.dart")} - {"names"}  # which hands them to package:crypto
    public = [re.search(r"^\w.* (\w+)\(|^class (\w+)", (READERS / f"{part}.dart").read_text(), re.M) for part in parts]
    assert [match for match in public if match is None or (match[1] or match[2]) not in program] == []


def test_every_file_is_short_and_imports_what_is_there() -> None:
    files = sorted(SOURCE.rglob("*.dart"))

    assert len(files) > 15
    assert [path for path in files if len(path.read_text(encoding="utf-8").splitlines()) > MAX_LINES] == []
    own = [
        (path, name)
        for path in files
        for name in re.findall(r"^(?:import|export) '([^':]+\.dart)'", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert [(path.name, name) for path, name in own if not (path.parent / name).is_file()] == []


def test_the_package_carries_the_licence_and_says_that_it_was_not_run() -> None:
    assert (SOURCE / "LICENSE").read_bytes() == (SOURCE.parents[1] / "LICENSE").read_bytes()
    assert "has not been run" in (SOURCE / "README.md").read_text(encoding="utf-8")
