"""How much is needed for so many photos a day, computed from what one request was measured to cost.

    .venv/bin/python -m scripts.sizing [--photos 1000 1000000] [--paid 0.3] [--peak 4] [--megapixels 12]

Without options it prints the table of docs/scale.md; `make docs` writes it there (`--write`). The measured costs are
below, each with the command that measured it; docs/benchmarks.md has their circumstances.
"""

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs/scale.md"
_TABLES = re.compile(r"(?<=<!-- sizing -->\n).*?(?=<!-- /sizing -->)", re.DOTALL)
_DAY = 86_400


@dataclass(frozen=True)
class Cost:
    """What one of them takes, in milliseconds of processor time."""

    what: str
    worker_ms: float
    mysql_ms: float
    measured_by: str


HIT = Cost("a hit by hash, nothing in memory", 0.1, 0.26, "bench.processor_time --only hit")
MISS = Cost("a miss by hash", 0.06, 0.01, "bench.processor_time --only miss")
UPLOAD = Cost(
    "an upload that is paid for, but for decoding", 0.6, 3.6, "bench.processor_time --only upload`, `bench.near_lookup"
)
SUMS = Cost(
    "adding a request of another user to the statistics' sums",
    0,
    0.107,
    "bench.scale --workers 1`, less `bench.processor_time",
)
DECODING_MS = {2: 11.0, 12: 35.0}
"""By megapixels: `bench.decoding`."""
PHOTO_BYTES, RECORD_BYTES = 2_970, 350
QUESTION_SECONDS = 2.0
"""Assumed: it is the vendor's."""


@dataclass(frozen=True)
class Load:
    """What is asked in a day."""

    photos: int
    paid: float = 0.3
    """The part of the photos that nobody has asked about before: uploaded and paid for."""
    peak: float = 4
    """How many times the mean the busiest moment is."""
    megapixels: int = 12

    @property
    def per_second(self) -> float:
        return self.photos / _DAY * self.peak

    @property
    def worker_cores(self) -> float:
        """Cores of the service at the peak. An upload is asked about by its hash first."""
        upload = MISS.worker_ms + UPLOAD.worker_ms + DECODING_MS[self.megapixels]
        return self.per_second * ((1 - self.paid) * HIT.worker_ms + self.paid * upload) / 1000

    @property
    def mysql_cores(self) -> float:
        upload = MISS.mysql_ms + UPLOAD.mysql_ms
        return self.per_second * ((1 - self.paid) * HIT.mysql_ms + self.paid * upload + SUMS.mysql_ms) / 1000

    @property
    def questions_at_once(self) -> float:
        return self.per_second * self.paid * QUESTION_SECONDS

    @property
    def gigabytes_a_year(self) -> float:
        """What photos add; records of requests add no more once LOG_RETENTION_DAYS have passed."""
        return self.photos * self.paid * PHOTO_BYTES * 365 / 1e9

    @property
    def gigabytes_of_records(self) -> float:
        """What the records of 90 days take."""
        return self.photos * RECORD_BYTES * 90 / 1e9


@dataclass(frozen=True)
class Advice:
    """What to run for a load: twice the cores that are computed, and a place for each question."""

    what: str
    workers: int
    questions_a_worker: int = 16
    """LLM_MAX_CONCURRENCY."""


ADVICE = {
    1_000: Advice("one process, SQLite", 1),
    10_000: Advice("the same; MySQL as soon as there are two machines", 1),
    100_000: Advice("`docker compose up`, two workers", 2),
    1_000_000: Advice("two replicas of two workers; three MySQL servers in a group, for the sake of failing over", 4),
    10_000_000: Advice(
        "six replicas of two workers with `LLM_MAX_CONCURRENCY=32`; a MySQL with 64 GB of memory and a disk that "
        "commits within 2 ms",
        12,
        32,
    ),
    100_000_000: Advice(
        "100 workers with `LLM_MAX_CONCURRENCY=64`, and shards: not for the load, but for the size", 100, 64
    ),
}


def render_sizes(loads: Sequence[Load]) -> str:
    """Return a table with a row for each load."""
    head = (
        "| photos a day | at the peak, a second | cores of the service | questions to a model at once | cores of MySQL "
        "| more data a year | records of 90 days | what to run |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n"
    )
    return head + "".join(f"| {' | '.join(_cells(load))} |\n" for load in loads)


def _cells(load: Load) -> Iterator[str]:
    yield f"{load.photos:,}"
    yield from map(_short, (load.per_second, load.worker_cores, load.questions_at_once, load.mysql_cores))
    yield f"{_short(load.gigabytes_a_year)} GB"
    yield f"{_short(load.gigabytes_of_records)} GB"
    advice = ADVICE.get(load.photos)
    yield advice.what if advice else ""


def _short(number: float) -> str:
    """Return two digits that count; more would promise what nobody has measured."""
    rounded = float(f"{number:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}" if rounded >= 0.001 else "-"


def render_costs() -> str:
    """Return a table of what one request costs, with the command that measured it."""
    rows = [(cost.what, cost.worker_ms, cost.mysql_ms, cost.measured_by) for cost in (HIT, MISS, UPLOAD, SUMS)]
    rows += [(f"decoding a photo of {size} megapixels", ms, 0, "bench.decoding") for size, ms in DECODING_MS.items()]
    head = "| what | the service, ms | MySQL, ms | measured by `.venv/bin/python -m ...` |\n| --- | --- | --- | --- |\n"
    return head + "".join(f"| {what} | {own:g} | {mysql:g} | `{command}` |\n" for what, own, mysql, command in rows)


def render_page(page: str) -> str:
    """Return docs/scale.md with its tables as they should be."""
    tables = f"{render_sizes([Load(photos) for photos in ADVICE])}\n{render_costs()}"
    return _TABLES.sub(lambda _: tables, page)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, nargs="+", default=list(ADVICE), help="in a day")
    parser.add_argument("--paid", type=float, default=Load.paid, help="the part of them that is new")
    parser.add_argument("--peak", type=float, default=Load.peak, help="the busiest moment, as times the mean")
    parser.add_argument("--megapixels", type=int, choices=sorted(DECODING_MS), default=Load.megapixels)
    parser.add_argument("--write", action="store_true", help="write the tables of docs/scale.md, and print nothing")
    chosen = parser.parse_args()
    if chosen.write:
        PAGE.write_text(render_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        return
    print(render_sizes([Load(photos, chosen.paid, chosen.peak, chosen.megapixels) for photos in chosen.photos]), end="")


if __name__ == "__main__":
    main()
