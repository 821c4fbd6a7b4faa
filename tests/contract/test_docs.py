"""The documents tell the truth: settings, routes, samples, costs, accuracy, and the session of each README."""

import csv
import re
from pathlib import Path

import pytest

from app.config import Settings
from app.main import create_app
from app.models.domain import Category
from app.observe.metrics import Metrics
from app.services.network.checked_file import MODEL_FILE
from app.services.network.photo_net import PhotoNet
from scripts import image_costs, metrics_docs, network_accuracy, settings_docs
from tests.conftest import SAMPLES, make_settings
from tests.support.transcript import READMES, read_transcript, replay, without_what_changes

ROOT = Path(__file__).parents[2]
SETTINGS = settings_docs.PAGE.read_text(encoding="utf-8")


def test_the_env_example_is_what_make_docs_writes() -> None:
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == settings_docs.render_env_example()


def test_the_page_of_settings_is_what_make_docs_writes() -> None:
    page = settings_docs.PAGE.read_text(encoding="utf-8")

    assert settings_docs.render_page(page) == page


def test_the_page_of_costs_is_what_make_docs_writes() -> None:
    page = image_costs.PAGE.read_text(encoding="utf-8")

    assert image_costs.render(page) == page


def test_the_networks_accuracy_is_what_make_docs_measures_and_as_good_as_was_promised() -> None:
    net = PhotoNet.load()
    seen = network_accuracy.see_photos(net, network_accuracy.PHOTOS)
    samples = network_accuracy.see_samples(net)

    assert len(seen) == 36
    assert sum(one.is_right for one in seen) >= 31  # 33 when it was measured
    assert {one.name: one.verdict.category for one in samples if not one.is_right} == {"astronaut.png": Category.OTHER}
    tables = f"{network_accuracy.render_photos(seen)}\n{network_accuracy.render_samples(samples)}"
    assert f"<!-- accuracy -->\n{tables}<!-- /accuracy -->" in network_accuracy.PAGE.read_text(encoding="utf-8")


def test_every_test_photo_has_its_source_and_licence() -> None:
    with (network_accuracy.PHOTOS / "photos.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}

    pictures = {path.name for path in network_accuracy.PHOTOS.glob("*.jpg")}
    assert set(rows) == pictures
    assert [name for name, row in rows.items() if not (row["package"] and row["licence"])] == []


def test_the_models_licences_travel_with_it() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in MODEL_FILE.parent.iterdir() if path != MODEL_FILE}

    assert set(texts) == {"NOTICE", "LICENSE-Apache-2.0.txt", "LICENSE-MIT.txt"}
    assert {name for name in texts if name != "NOTICE" and name not in texts["NOTICE"]} == set()
    assert "Vladimir Mandic" in texts["LICENSE-MIT.txt"]


def test_the_table_of_metrics_is_what_make_docs_writes_and_has_them_all() -> None:
    page = metrics_docs.PAGE.read_text(encoding="utf-8")

    assert metrics_docs.render(page) == page
    assert {metric.name for metric in Metrics().all()} == set(
        re.findall(r"^\| `(image_classifier_\w+)` \|", page, re.M)
    )


def test_the_cost_of_a_photo_follows_the_vendors_published_rules() -> None:
    assert image_costs.claude_tokens((504, 378)) == 18 * 14
    assert image_costs.claude_tokens((4032, 3024)) == 4740
    assert image_costs.openai_tokens((512, 384)) == 230
    assert image_costs.openai_tokens((4032, 3024)) == 14364


def test_every_setting_is_described_in_one_line_in_both_places() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    described = {name: field.description or "" for name, field in Settings.model_fields.items()}

    assert [name for name, text in described.items() if not text or "\n" in text] == []
    assert [name for name, text in described.items() if f"\n# {text}\n{name.upper()}=" not in example] == []
    assert [name for name, text in described.items() if not in_the_table(name, text)] == []


def in_the_table(setting: str, description: str) -> bool:
    return bool(re.search(rf"^\| `{setting.upper()}` \| .* \| {re.escape(description)} \|$", SETTINGS, re.MULTILINE))


def test_the_env_example_as_it_is_changes_nothing() -> None:
    settings = Settings(_env_file=ROOT / ".env.example")

    assert settings.model_dump() == make_settings().model_dump()


def test_every_route_is_in_the_page_of_endpoints_and_no_other() -> None:
    page = (ROOT / "docs/endpoints.md").read_text(encoding="utf-8")
    routes = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in create_app(make_settings()).openapi()["paths"].items()
        for method in methods
    }

    assert set(re.findall(r"^\| `((?:GET|POST|PUT|DELETE) /[^`]*)` \|", page, re.MULTILINE)) == routes


def test_every_test_that_the_attack_list_names_exists() -> None:
    """That a name leads to a test; that the test holds the attack off is for the test to show."""
    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .* \| (.*) \|$", page, re.MULTILINE)
    named = [row.strip("`") for row in rows if row not in ("test", "---")]

    assert len(named) == page.count("::test_")
    assert [name for name in named if not is_test(name)] == []
    assert not is_test("tests/contract/test_docs.py::test_that_nobody_wrote")


def is_test(name: str) -> bool:
    path, _, function = name.partition("::")
    if not function.startswith("test_") or not (ROOT / path).is_file():
        return False
    return (
        re.search(rf"^(async )?def {function}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE) is not None
    )


def test_every_sample_has_its_source_and_licence() -> None:
    listed = set(re.findall(r"^\| `([^`]+)` \|", (SAMPLES / "README.md").read_text(encoding="utf-8"), re.MULTILINE))

    assert listed == {path.name for path in SAMPLES.iterdir()} - {"README.md"}


@pytest.mark.parametrize("readme", READMES, ids=lambda readme: readme.name)
def test_a_readmes_session_is_what_really_comes_out(readme: Path) -> None:
    transcript = read_transcript(readme)

    assert without_what_changes(replay(transcript)) == without_what_changes(transcript)
