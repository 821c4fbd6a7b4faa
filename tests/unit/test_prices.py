"""What a question to a model costs, and which questions cost nothing."""

from decimal import Decimal

import pytest

from app.models.domain import Usage
from app.models.prices import Prices
from tests.factories import make_call

FLAT = Prices(Decimal("0.01"))
BY_TOKEN = Prices(Decimal("0.01"), Decimal("0.10"), Decimal("0.50"))


def test_tokens_are_paid_at_their_prices_where_both_are_set() -> None:
    assert BY_TOKEN.cost_of(make_call(usage=Usage(1_000_000, 2_000_000, 500_000))) == Decimal("1.10")


def test_a_cost_has_ten_decimal_places() -> None:
    prices = Prices(Decimal("0.01"), Decimal("0.00125"), Decimal("0"))

    assert str(prices.cost_of(make_call(usage=Usage(1, 0, 0)))) == "1.3E-9"
    assert prices.cost_of(make_call(usage=Usage(1, 0, 0))) == Decimal("0.0000000013")


@pytest.mark.parametrize("prices", [FLAT, Prices(Decimal("0.01"), Decimal("0.10"), None)])
def test_with_one_price_or_none_a_call_costs_the_flat_price(prices: Prices) -> None:
    assert prices.cost_of(make_call()) == Decimal("0.01")


@pytest.mark.parametrize("outcome", ["answered", "refused", "bad_answer", "timeout", "unavailable"])
def test_whatever_became_of_it_a_question_with_tokens_was_billed(outcome: str) -> None:
    call = make_call(outcome=outcome, usage=Usage(100, 0, 0))

    assert (FLAT.cost_of(call), BY_TOKEN.cost_of(call)) == (Decimal("0.01"), Decimal("0.00001"))


@pytest.mark.parametrize("prices", [FLAT, BY_TOKEN])
@pytest.mark.parametrize("outcome", ["answered", "bad_answer", "timeout", "cancelled"])
def test_without_tokens_what_a_vendor_worked_for_costs_the_flat_price(outcome: str, prices: Prices) -> None:
    assert prices.cost_of(make_call(outcome=outcome, usage=Usage())) == Decimal("0.01")


@pytest.mark.parametrize("prices", [FLAT, BY_TOKEN])
@pytest.mark.parametrize("outcome", ["unavailable", "misconfigured", "rejected", "refused"])
def test_without_tokens_what_a_vendor_turned_away_costs_nothing(outcome: str, prices: Prices) -> None:
    assert prices.cost_of(make_call(outcome=outcome, usage=Usage())) == 0


@pytest.mark.parametrize("prices", [FLAT, BY_TOKEN])
def test_the_embedded_network_costs_nothing(prices: Prices) -> None:
    assert prices.cost_of(make_call(provider="local", usage=Usage())) == 0


def test_what_was_answered_in_the_cheap_lane_costs_its_part_and_what_nobody_told_us_of_costs_all() -> None:
    flat = Prices(Decimal("0.01"), deferred_factor=Decimal("0.5"))
    by_token = Prices(Decimal("0.01"), Decimal("0.10"), Decimal("0.50"), Decimal("0.5"))
    answered = make_call(lane="flex")

    assert flat.cost_of(answered) == Decimal("0.005")
    assert by_token.cost_of(answered) == by_token.cost_of(make_call()) / 2
    for outcome in ("timeout", "cancelled", "bad_answer"):
        lost = make_call(lane="flex", outcome=outcome, usage=Usage())
        assert flat.cost_of(lost) == by_token.cost_of(lost) == Decimal("0.01"), outcome
