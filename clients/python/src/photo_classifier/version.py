"""The version of this client. Nothing else names it."""

VERSION = "0.1.0"
