"""Writes what the metrics are into docs/metrics.md, from the one place that knows: app/observe/metrics.py.

.venv/bin/python -m scripts.metrics_docs
"""

import re
from pathlib import Path

from app.observe.kinds import Metric
from app.observe.metrics import Metrics

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
_TABLE = re.compile(r"(?<=<!-- metrics -->\n).*?(?=<!-- /metrics -->)", re.DOTALL)


def render(page: str) -> str:
    """Return the page with its table of metrics as it should be."""
    rows = "".join(_row(metric) for metric in Metrics().all())
    return _TABLE.sub(lambda _: f"| metric | kind | labels | meaning |\n| --- | --- | --- | --- |\n{rows}", page)


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.meaning} |\n"


def main() -> None:
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
