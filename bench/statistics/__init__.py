"""Measurements of the statistics on the log of a large deployment."""
