"""The price lanes of a vendor, as `model_call` and the statistics name them."""

STANDARD = "standard"
FLEX = "flex"
"""The cheap one, for what can wait."""
