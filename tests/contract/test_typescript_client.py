"""The TypeScript client fits the service, builds with nothing but its lock file, and its package is sound."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from scripts import client_page
from tests.support.npm_packages import run_in
from tests.support.readme_blocks import readme_blocks
from tests.support.typescript_client import SOURCE, built_client


@pytest.fixture(scope="module")
def client() -> Path:
    try:
        return built_client()
    except RuntimeError as reason:
        pytest.skip(f"the client cannot be built: {reason}")


def test_the_clients_page_is_what_the_service_says() -> None:
    """`make client-types` writes it."""
    assert client_page.PAGE.read_text(encoding="utf-8") == client_page.render()


def test_the_lock_file_names_no_registry() -> None:
    packages = json.loads((SOURCE / "package-lock.json").read_text())["packages"]

    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert all("integrity" in package for name, package in packages.items() if name)


def test_the_package_cannot_be_published_by_mistake_and_nobody_is_told_to_fetch_it_from_a_registry() -> None:
    """Nobody owns its name there: who installs it by name would run what a stranger has put in its place."""
    assert json.loads((SOURCE / "package.json").read_text())["private"] is True

    pages = [SOURCE / "README.md", SOURCE.parents[1] / "docs/apps.md"]
    assert [page for page in pages if "npm install image-classifier-client" in page.read_text(encoding="utf-8")] == []


@pytest.mark.timeout(300)
def test_the_readmes_way_to_install_it_leads_to_a_package_that_can_be_imported(client: Path, tmp_path: Path) -> None:
    text = (SOURCE / "README.md").read_text(encoding="utf-8")
    (archive,) = re.findall(r"npm install \./image-classifier/clients/typescript/(\S+)", text)

    run_in(client, "npm", "pack", "--pack-destination", str(tmp_path))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    run_in(tmp_path, "npm", "install", "--offline", "--no-audit", "--no-fund", f"./{archive}")

    asked = 'import { createClassifier } from "image-classifier-client"; console.log(typeof createClassifier)'
    assert run_in(tmp_path, "node", "--input-type=module", "--eval", asked).strip() == "function"


def test_the_package_carries_the_licence() -> None:
    assert (SOURCE / "LICENSE").read_bytes() == (SOURCE.parents[1] / "LICENSE").read_bytes()


@pytest.mark.timeout(300)
def test_its_types_are_made_from_that_page(client: Path, tmp_path: Path) -> None:
    made = tmp_path / "schema.d.ts"
    run_in(client, "node_modules/.bin/openapi-typescript", "openapi.json", "--output", str(made))

    assert (SOURCE / "src/core/schema.d.ts").read_text(encoding="utf-8") == made.read_text(encoding="utf-8")


@pytest.mark.timeout(300)
def test_it_compiles_strictly_and_its_package_is_sound_for_every_kind_of_import(client: Path) -> None:
    run_in(client, "npm", "run", "check")


@pytest.mark.timeout(300)
def test_its_own_tests_pass_the_vectors_among_them(client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTENT_HASH_VECTORS", str(SOURCE.parents[1] / "tests/vectors/content_hash.json"))
    monkeypatch.setenv("APPS_PAGE", str(SOURCE.parents[1] / "docs/apps.md"))

    assert "# fail 0" in run_in(client, "npm", "test")


@pytest.fixture
def examples(client: Path) -> Iterator[Path]:
    """A folder inside the package, so that its own name leads to it."""
    with TemporaryDirectory(dir=client, prefix="examples-") as folder:
        yield Path(folder)


@pytest.mark.timeout(300)
def test_the_readmes_examples_compile_for_their_platforms(client: Path, examples: Path) -> None:
    blocks = readme_blocks(SOURCE / "README.md")
    assert [platform for platform, _ in blocks] == ["browser", "node", "react-native", "react-native"]

    for number, (platform, code) in enumerate(blocks):
        # The entry that the platform's tools would choose.
        chosen = code.replace('"image-classifier-client"', f'"image-classifier-client/{platform}"')
        (examples / f"{number}.ts").write_text(f"{chosen}export {{}};\n", encoding="utf-8")
    files = [*(f"{number}.ts" for number in range(len(blocks))), "../test/readme/packages-of-others.d.ts"]
    project = {"extends": "../tsconfig.json", "compilerOptions": {"target": "es2022"}, "files": files}
    (examples / "tsconfig.json").write_text(json.dumps(project))

    run_in(client, "node_modules/.bin/tsc", "--project", examples.name)
