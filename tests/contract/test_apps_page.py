"""The page for developers of apps says what the service does."""

import re
from collections.abc import Iterator

import pytest

from app.api.http.batch_body import MAX_BATCH_JSON_BYTES, MAX_PHOTOS
from app.api.http.body import PATIENCE
from app.errors import ServiceError
from app.models.batch_request import MAX_ID_LENGTH, MAX_QUESTIONS
from app.models.request import MAX_WAIT_MS
from app.utils.image_utils import MAX_PIXELS_WITHOUT_DRAFT
from scripts import category_docs
from tests.conftest import make_settings
from tests.support.apps_page import PAGE, code_blocks, rows, told_errors
from tests.support.service_process import ROOT

OF_THE_PROXY = {"too_many_requests": "429", "service_unavailable": "503"}


def errors(kind: type[ServiceError] = ServiceError) -> Iterator[tuple[str, str]]:
    """Yield (code, status) of every error that has both."""
    if hasattr(kind, "code") and hasattr(kind, "status"):
        yield kind.code, str(kind.status)
    for child in kind.__subclasses__():
        yield from errors(child)


def test_the_table_of_categories_is_what_make_docs_writes() -> None:
    assert category_docs.render(PAGE) == PAGE
    assert "| `pets` | Pet Photos | 宠物萌照 |" in PAGE


def test_the_table_of_errors_has_every_code_with_its_status_and_no_other() -> None:
    nginx = (ROOT / "nginx.conf").read_text(encoding="utf-8")
    assert {code for code in OF_THE_PROXY if f" {code};" not in nginx} == set()

    assert {code: cells[0] for code, cells in told_errors().items()} == {**dict(errors()), **OF_THE_PROXY}


@pytest.mark.parametrize("example", ["ts classify", "dart", "kotlin", "swift"])
def test_an_example_tries_again_after_the_statuses_that_the_table_says_and_signs_what_has_to_be_signed(
    example: str,
) -> None:
    again = {cells[0] for cells in told_errors().values() if cells[1] == "yes"}
    code = code_blocks()[example].replace("\\", "")
    (statuses,) = re.findall(r"[\[{(]((?:\d{3}, )+\d{3})[\]})]", code)

    assert set(statuses.split(", ")) == again
    assert '("@method" "@path" "content-digest" "x-user-id")' in code
    assert {path for path in ("/api/v1/classify/check-cache", "/api/v1/classify") if path not in code} == set()


@pytest.mark.parametrize("example", ["ts classify", "dart", "kotlin", "swift"])
def test_an_example_asks_before_it_repeats_an_upload_as_the_page_says(example: str) -> None:
    assert re.search(r"`check-cache` first, with `\"wait_ms\": 5000`", " ".join(PAGE.split()))
    _, pause_and_after = re.split(r"setTimeout|delayed|Thread\.sleep|Task\.sleep", code_blocks()[example])

    assert re.search(r"wait_ms\W+5_?000", code_blocks()[example])
    assert re.match(r".*\n.*\bask\?", pause_and_after)


def test_the_limits_are_the_services() -> None:
    settings = make_settings()
    told = {cells[0]: cells[1] for cells in rows("Limits")}

    assert told["a photo's file"].startswith(f"{settings.max_image_size_mb:g} MiB")
    assert f"{settings.image_max_pixels:,} for JPEG, {MAX_PIXELS_WITHOUT_DRAFT:,}" in told["its pixels"]
    assert told["`check-cache/batch`"] == f"{MAX_QUESTIONS} photos, {MAX_BATCH_JSON_BYTES // 1024} KiB"
    assert told["`classify/batch`"].startswith(f"{MAX_PHOTOS} photos, together {settings.max_image_size_mb:g} MiB")
    assert told["`id` of a photo in a batch"] == f"{MAX_ID_LENGTH} characters"
    assert told["`wait_ms` of `check-cache`"] == f"{MAX_WAIT_MS:,}"
    (uploads,) = [value for name, value in told.items() if name.startswith("uploads at the same time")]
    nginx = (ROOT / "nginx.conf").read_text(encoding="utf-8")
    assert f"limit_conn uploads {uploads};" in nginx
    assert f"limit_conn deferred_uploads {told['those of them with `lane=deferred`']};" in nginx


def test_every_client_sends_originals_up_to_the_size_that_the_page_names() -> None:
    sources = {
        "python/src/photo_classifier/options.py": "shrink_above_bytes: int | None = 1_500_000",
        "typescript/src/core/flow.ts": "ORIGINAL_BELOW_BYTES = 1_500_000;",
        "dart/lib/src/options.dart": "this.shrinkAboveBytes = 1500000,",
    }
    assert "**Upload the original up to 1.5 MB**" in PAGE

    missing = [name for name, said in sources.items() if said not in (ROOT / "clients" / name).read_text("utf-8")]
    assert missing == []


@pytest.mark.parametrize(
    ("example", "expression"),
    [
        ("ts classify", "TRY_MS + Math.ceil(body.length / 100)"),
        ("dart", "_try + Duration(milliseconds: body.length ~/ 100)"),
        ("kotlin", "TRY_MS + body.size / 100"),
        ("swift", "Self.trySeconds + Double(body.count) / 100_000"),
    ],
)
def test_a_try_of_an_example_has_the_time_that_its_bytes_take_on_a_slow_line(example: str, expression: str) -> None:
    assert "| 45 s, and 1 s for each 100 KB of the file |" in PAGE
    assert expression in code_blocks()[example]


def test_the_time_limits_are_the_services() -> None:
    settings = make_settings()

    assert f"the model has {settings.llm_timeout:.0f} s (`LLM_TIMEOUT`)" in PAGE
    assert f"the cheap lane has {settings.deferred_timeout:.0f} s (`DEFERRED_TIMEOUT`)" in PAGE
    moving = f"{PATIENCE.portion_bytes // 1024} KiB every {PATIENCE.portion_seconds:.0f} s"
    assert f"{moving}, and all of it within {PATIENCE.body_seconds:.0f} s" in PAGE
