"""How often the embedded network is right, on the labelled test photos that travel with the repository.

    .venv/bin/python -m scripts.network_accuracy        prints the tables and writes them into docs/embedded-network.md

Each photo goes the service's way: prepared as a JPEG of 512 pixels, then looked at. Only photos of sources that the
network was not trained on count (`test` in `tests/photos/photos.csv`). To measure your own: name another folder with
such a `photos.csv`, which needs the columns `file`, `category` and `split`; then nothing is written.
"""

import csv
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.models.domain import Category
from app.models.verdict import Verdict
from app.services.network.photo_net import PhotoNet
from app.utils.image_utils import ImageLimits, prepare_image

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "embedded-network.md"
PHOTOS = ROOT / "tests/photos"
SAMPLES = {
    "astronaut.png": Category.SINGLE_PERSON,
    "cat.png": Category.PETS,
    "coffee.png": Category.FOODS,
    "idcard.jpg": Category.IDCARD,
    "screenshot.png": Category.SCREENSHOT,
    "temple.jpg": Category.TRAVEL_SCENERY,
}
MEASURED = "test"
_LIMITS = ImageLimits(frozenset({"JPEG", "PNG"}), 50_000_000)
_SIDE = 512
_SURE = 0.9
_TABLES = re.compile(r"(?<=<!-- accuracy -->\n).*?(?=<!-- /accuracy -->)", re.DOTALL)


@dataclass(frozen=True)
class Seen:
    """A picture, what it shows, and what the network says of it."""

    name: str
    truth: Category
    verdict: Verdict

    @property
    def is_right(self) -> bool:
        return self.verdict.category is self.truth

    @property
    def would_be_answered_alone(self) -> bool:
        return self.verdict.category is not Category.OTHER and self.verdict.probability >= _SURE


def see_photos(net: PhotoNet, folder: Path, split: str = MEASURED) -> list[Seen]:
    """Return what the network says of a folder's photos of one split."""
    with (folder / "photos.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    return [Seen(row["file"], Category(row["category"]), _see(net, folder / row["file"])) for row in rows]


def see_samples(net: PhotoNet) -> list[Seen]:
    """Return what the network says of the samples."""
    return [Seen(name, truth, _see(net, ROOT / "samples" / name)) for name, truth in SAMPLES.items()]


def _see(net: PhotoNet, path: Path) -> Verdict:
    return net.see_jpeg(prepare_image(path.read_bytes(), _LIMITS, _SIDE).jpeg)


def render_photos(seen: Sequence[Seen]) -> str:
    """Return the table of how many are right, in all and by what they show."""
    lines = ["| what they show | photos | right | the others come out as |", "| --- | --- | --- | --- |"]
    for category in Category:
        of_it = [one for one in seen if one.truth is category]
        wrong = ", ".join(sorted({f"`{one.verdict.category}`" for one in of_it if not one.is_right}))
        lines.append(f"| `{category}` | {len(of_it)} | {_share(of_it)} | {wrong} |")
    lines.append(f"| all | {len(seen)} | {_share(seen)} | |")
    sure = [one for one in seen if one.would_be_answered_alone]
    lines.append(f"| not called `other`, with a confidence of {_SURE} or more | {len(sure)} | {_share(sure)} | |")
    return "\n".join(lines) + "\n"


def render_samples(seen: Sequence[Seen]) -> str:
    """Return the table of what the samples come out as."""
    lines = ["| sample | answer | confidence | right |", "| --- | --- | --- | --- |"]
    for one in seen:
        says = f"`{one.verdict.category}` | {one.verdict.probability:.2f}"
        lines.append(f"| `{one.name}` | {says} | {'yes' if one.is_right else f'no: `{one.truth}`'} |")
    return "\n".join(lines) + "\n"


def _share(seen: Sequence[Seen]) -> str:
    right = sum(one.is_right for one in seen)
    return f"{right} ({right / len(seen):.0%})" if seen else "none tested"


def render_tables(net: PhotoNet) -> str:
    """Return both tables of docs/embedded-network.md."""
    return f"{render_photos(see_photos(net, PHOTOS))}\n{render_samples(see_samples(net))}"


def main(folders: Sequence[str]) -> None:
    net = PhotoNet.load()
    if folders:
        print(render_photos(see_photos(net, Path(folders[0]))))
        return
    tables = render_tables(net)
    PAGE.write_text(_TABLES.sub(lambda _: tables, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(tables)


if __name__ == "__main__":
    main(sys.argv[1:])
