"""What a question to a model costs."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from app.models.domain import LOCAL_PROVIDER, ModelCall, Usage
from app.models.lanes import FLEX

_MILLION = 1_000_000
_TENTH_PLACE = Decimal("1e-10")
_BILLED_WITHOUT_TOKENS = frozenset({"answered", "bad_answer", "timeout", "cancelled"})


@dataclass(frozen=True, slots=True)
class Prices:
    """The operator's prices: of a million tokens, where both are set, and a flat one of a call."""

    per_call: Decimal
    input_per_mtok: Decimal | None = None
    output_per_mtok: Decimal | None = None
    deferred_factor: Decimal = Decimal(1)
    """What the vendor's cheap lane costs, as a part of these."""

    def cost_of(self, call: ModelCall) -> Decimal:
        """Return what a question cost, to ten decimal places. It errs towards too much, never towards too little.

        A question with tokens was billed, whatever became of it: by its tokens where their prices are set, else the
        flat price. Tokens that the vendor had cached count in full. Without tokens nobody told us: an answer, good or
        bad, cost the flat price, and so did one that we did not wait for (`timeout`, `cancelled`), because the vendor
        goes on and bills it. What was turned away (`rejected`, `misconfigured`, `unavailable`, a refusal before the
        model saw the picture) cost nothing, and so does the embedded network. What was answered in the cheap lane, by
        what the answer says, costs the part `deferred_factor`; where nobody told us, all of it.
        """
        if call.provider == LOCAL_PROVIDER:
            return Decimal(0)
        if not is_billed(call):
            return Decimal(0)
        by_tokens = None if call.usage == Usage() else self.cost_of_tokens(call.usage)
        cost = self.per_call if by_tokens is None else by_tokens
        if call.lane == FLEX and (call.outcome == "answered" or call.usage != Usage()):
            cost *= self.deferred_factor
        return cost if cost == self.per_call else cost.quantize(_TENTH_PLACE, ROUND_HALF_UP)

    def cost_of_tokens(self, usage: Usage) -> Decimal | None:
        """Return what these tokens cost, or None unless both prices are set."""
        if self.input_per_mtok is None or self.output_per_mtok is None:
            return None
        spent = usage.input_tokens * self.input_per_mtok + usage.output_tokens * self.output_per_mtok
        return spent / _MILLION


def is_billed(call: ModelCall) -> bool:
    """Return whether the vendor bills a question, as far as we can know."""
    return call.usage != Usage() or call.outcome in _BILLED_WITHOUT_TOKENS
