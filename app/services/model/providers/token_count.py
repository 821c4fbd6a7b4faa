"""Reads the token counts of vendors."""

_MOST_TOKENS = 100_000_000
"""More than any model takes or gives: such a number is something else."""


def token_count(value: object) -> int:
    """Return a vendor's token count; zero for what is none. Compatible servers leave it out, or send something else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS else 0
