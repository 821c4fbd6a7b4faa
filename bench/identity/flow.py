"""Uploads all versions of all photos to a service in one mode, and counts what was paid and what was answered how."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from app.models.domain import Category
from app.utils.hash_utils import sha256_hex
from tests.conftest import schema_of
from tests.support.fake_model_server import FakeModels
from tests.support.mysql_server import MySQLServer
from tests.support.service_process import running_service

MODES = ["off", "observe", "serve"]
NAMES = ["bytes", "content", "question", "near"]


@dataclass(frozen=True)
class Upload:
    """One version of a photo, and what the photo shows."""

    photo: str
    title: str
    file: bytes
    category: Category


@dataclass
class Run:
    """What came of all uploads in one mode."""

    paid: Counter[str] = field(default_factory=Counter)
    """Calls by photo."""

    matched_by: Counter[str] = field(default_factory=Counter)
    """Answers from the cache, by what they were found by."""

    wrong: list[str] = field(default_factory=list)
    """Answers of another category, or with the description of another photo."""

    described: Counter[str] = field(default_factory=Counter)
    """Answers with a description, by what they were found by."""

    compared: str = "-"
    """Near matches that a model was asked about all the same, and how many of the two answers disagreed."""

    def note(self, upload: Upload, answer: dict[str, Any], calls: int) -> None:
        """Count one answer, and the calls that it took."""
        self.paid[upload.photo] += calls
        found = (answer.get("matched_by") or "unnamed") if answer["from_cache"] else "paid"
        self.matched_by[found] += 1
        data = answer["data"]
        self.described[found] += data["description"] is not None
        if data["category"] != upload.category or data["description"] not in (upload.photo, None):
            self.wrong.append(f"{upload.photo}, {upload.title}: {data['category']}, {data['description']}")


def run_mode(
    mode: str, uploads: Sequence[Upload], seed: int, models: FakeModels, folder: Path, server: MySQLServer | None
) -> Run:
    """Upload everything in random order to a new service with an empty database."""
    settings: dict[str, Any] = {"sqlite_path": folder / "classifier.db"}
    if server is not None:
        database = f"image_classifier_bench_identity_{mode}"
        server.query(f"DROP DATABASE IF EXISTS {database}; {schema_of(database)}")
        settings = server.settings(database)
    settings |= {"llm_provider": "openai", "llm_api_key": "k", "llm_base_url": f"{models.base_url}/v1"}
    run = Run()
    with (
        running_service(folder, near_duplicates=mode, spool_dir=folder / "spool", **settings) as service,
        httpx.Client(base_url=f"{service.url}/api/v1", headers={"X-User-ID": "bench"}, timeout=60) as client,
    ):
        for upload in random.Random(seed).sample(uploads, len(uploads)):
            before = len(models.calls)
            answer = client.post("/classify", files={"image": upload.file})
            if answer.status_code != 200:
                raise RuntimeError(f"{upload.photo}, {upload.title}: {answer.text}")
            run.note(upload, answer.json(), len(models.calls) - before)
        statistics = client.get("/stats/identity")
        if statistics.status_code == 200:
            trials = statistics.json()["data"]["trials"]
            run.compared = f"{trials['comparisons']}, {trials['disagreed']} disagreed"
    return run


def print_modes(uploads: Sequence[Upload], runs: Mapping[str, Run]) -> None:
    """Print a row for each mode, and one for a cache that knows files by their SHA-256 alone."""
    print(
        "| NEAR_DUPLICATES | paid calls | by bytes | content | question | near | wrong answers | with a description "
        "| near matches compared |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    files = len({sha256_hex(upload.file) for upload in uploads})
    print(f"| before: each file is paid | {files} | {len(uploads) - files} | | | | | | |")
    for mode, run in runs.items():
        found = " | ".join(str(run.matched_by[name]) for name in NAMES)
        described = ", ".join(f"{run.described[name]} {name}" for name in ["paid", *NAMES] if run.described[name])
        print(f"| {mode} | **{run.paid.total()}** | {found} | {len(run.wrong)} | {described} | {run.compared} |")
    for mode, run in runs.items():
        for line in run.wrong:
            print(f"wrong, {mode}: {line}")
        if run.matched_by["unnamed"]:
            print(f"{mode}: {run.matched_by['unnamed']} answers from the cache do not say what they were found by")


def print_by_photo(uploads: Sequence[Upload], runs: Mapping[str, Run]) -> None:
    """Print the paid calls for each photo."""
    files: dict[str, set[str]] = {}
    for upload in uploads:
        files.setdefault(upload.photo, set()).add(sha256_hex(upload.file))
    print(f"\n| photo | category | files | {' | '.join(runs)} |\n| --- | --- | --- |{' --- |' * len(runs)}")
    categories = {upload.photo: upload.category for upload in uploads}
    for photo, hashes in files.items():
        paid = " | ".join(str(run.paid[photo]) for run in runs.values())
        print(f"| {photo} | {categories[photo]} | {len(hashes)} | {paid} |")
