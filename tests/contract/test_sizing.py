"""docs/scale.md says what is computed from what was measured, and advises no less than that takes."""

import importlib.util
import re

import pytest

from scripts import sizing
from scripts.sizing import ADVICE, Load


def test_the_tables_of_the_page_are_those_that_are_computed() -> None:
    page = sizing.PAGE.read_text(encoding="utf-8")

    assert page == sizing.render_page(page)  # else: make docs
    assert "| 1,000,000 | 46 | 0.5 |" in page


@pytest.mark.parametrize("photos", ADVICE)
def test_what_is_advised_has_twice_the_cores_and_a_place_for_each_question(photos: int) -> None:
    load, advice = Load(photos), ADVICE[photos]

    assert advice.workers >= 2 * load.worker_cores
    assert advice.workers * advice.questions_a_worker >= load.questions_at_once


def test_more_paid_photos_and_larger_ones_need_more() -> None:
    usual = Load(1_000_000)

    assert Load(1_000_000, paid=0.6).mysql_cores > usual.mysql_cores
    assert Load(1_000_000, paid=0.6).gigabytes_a_year == pytest.approx(2 * usual.gigabytes_a_year)
    assert Load(1_000_000, megapixels=2).worker_cores < usual.worker_cores / 2
    assert Load(1_000_000, peak=8).questions_at_once == pytest.approx(2 * usual.questions_at_once)


def test_every_cost_names_a_command_that_is_there() -> None:
    commands = re.findall(r"bench\.\w+", sizing.render_costs())

    assert len(commands) >= 6
    assert [name for name in commands if not importlib.util.find_spec(name)] == []
