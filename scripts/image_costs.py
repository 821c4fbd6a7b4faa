"""What a photo costs in tokens and money, at the size this service sends and as it came, by the vendors' own rules.

    .venv/bin/python -m scripts.image_costs        writes the table into docs/costs.md

Sources, as of November 2026. Claude: patches of 28 pixels, images reduced to 2576 pixels and 4784 patches (vendor's
vision guide). OpenAI's GPT-6: patches of 32 pixels, not reduced unless asked for; 1.2 tokens a patch, as measured on
bills (the guide names other factors for other models). Prices: the vendors' price lists.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.services.model.prompt import build_prompt
from app.services.model.settings import DEFAULT_MODELS

PAGE = Path(__file__).parents[1] / "docs" / "costs.md"
PHOTO = (4032, 3024)
"""A phone's photo of 12 megapixels."""

ANSWER_TOKENS = 60
_CHARACTERS_PER_TOKEN = 4
_TABLE = re.compile(r"(?<=<!-- costs -->\n).*?(?=<!-- /costs -->)", re.DOTALL)


@dataclass(frozen=True)
class Vendor:
    """How a vendor counts and what it asks, in dollars a million tokens."""

    model: str
    side: int
    image_tokens: Callable[[tuple[int, int]], int]
    input_price: float
    output_price: float

    def dollars_per_1000(self, image_tokens: int) -> float:
        prompt_tokens = len(build_prompt("Chinese")) / _CHARACTERS_PER_TOKEN
        each = (image_tokens + prompt_tokens) * self.input_price + ANSWER_TOKENS * self.output_price
        return each * 1000 / 1_000_000


def scaled(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return a size reduced to `side` pixels on its longer edge."""
    factor = min(1.0, side / max(size))
    return round(size[0] * factor), round(size[1] * factor)


def patches(size: tuple[int, int], patch: int) -> int:
    return math.ceil(size[0] / patch) * math.ceil(size[1] / patch)


def claude_tokens(size: tuple[int, int]) -> int:
    side = min(2576, max(size))
    while patches(scaled(size, side), 28) > 4784:
        side -= 1
    return patches(scaled(size, side), 28)


def openai_tokens(size: tuple[int, int]) -> int:
    return round(patches(size, 32) * 1.2)


VENDORS = [
    Vendor(DEFAULT_MODELS["openai"], 512, openai_tokens, 0.10, 0.50),
    Vendor(DEFAULT_MODELS["claude"], 504, claude_tokens, 0.10, 0.50),
]


def render_table() -> str:
    """Return the table of docs/costs.md."""
    lines = [
        "| model | sent | image tokens | per 1,000 photos | the original instead | per 1,000 photos |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for vendor in VENDORS:
        sent = scaled(PHOTO, vendor.side)
        small, large = vendor.image_tokens(sent), vendor.image_tokens(PHOTO)
        lines.append(
            f"| `{vendor.model}` | {sent[0]} x {sent[1]} | {small:,} | ${vendor.dollars_per_1000(small):.2f} "
            f"| {large:,} tokens | ${vendor.dollars_per_1000(large):.2f} |"
        )
    return "\n".join(lines) + "\n"


def render(page: str) -> str:
    """Return the page with its table as it should be."""
    return _TABLE.sub(lambda _: render_table(), page)


def main() -> None:
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
