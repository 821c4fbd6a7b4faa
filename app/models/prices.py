"""What a question to a model costs."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from app.models.domain import LOCAL_PROVIDER, ModelCall, Usage

_MILLION = 1_000_000
_TENTH_PLACE = Decimal("1e-10")
_BILLED_WITHOUT_TOKENS = frozenset({"answered", "bad_answer", "timeout", "cancelled"})


@dataclass(frozen=True, slots=True)
class Prices:
    """The operator's prices: of a million tokens, where both are set, and a flat one of a call."""

    per_call: Decimal
    input_per_mtok: Decimal | None = None
    output_per_mtok: Decimal | None = None

    def cost_of(self, call: ModelCall) -> Decimal:
        """Return what a question cost, to ten decimal places. It errs towards too much, never towards too little.

        A question with tokens was billed, whatever became of it: by its tokens where their prices are set, else the
        flat price. Tokens that the vendor had cached count in full. Without tokens nobody told us: an answer, good or
        bad, cost the flat price, and so did one that we did not wait for (`timeout`, `cancelled`), because the vendor
        goes on and bills it. What was turned away (`rejected`, `misconfigured`, `unavailable`, a refusal before the
        model saw the picture) cost nothing, and so does the embedded network.
        """
        if call.provider == LOCAL_PROVIDER:
            return Decimal(0)
        if call.usage == Usage():
            return self.per_call if is_billed(call) else Decimal(0)
        by_tokens = self.cost_of_tokens(call.usage)
        return self.per_call if by_tokens is None else by_tokens.quantize(_TENTH_PLACE, ROUND_HALF_UP)

    def cost_of_tokens(self, usage: Usage) -> Decimal | None:
        """Return what these tokens cost, or None unless both prices are set."""
        if self.input_per_mtok is None or self.output_per_mtok is None:
            return None
        spent = usage.input_tokens * self.input_per_mtok + usage.output_tokens * self.output_per_mtok
        return spent / _MILLION


def is_billed(call: ModelCall) -> bool:
    """Return whether the vendor bills a question, as far as we can know."""
    return call.usage != Usage() or call.outcome in _BILLED_WITHOUT_TOKENS
