"""How the embedded network can fail to give a verdict."""

from app.errors import InternalError


class NetworkFailed(InternalError):
    """The network's process was ended, or failed, before it had an answer. The model room makes an error of its own of
    it, which is what a caller sees."""
