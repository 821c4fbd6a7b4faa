"""How a stream of the live feed can be refused.

ServiceError
  TooManyStreams                503 too_many_streams
"""

from app.errors import ServiceError


class TooManyStreams(ServiceError):
    """The process has as many streams open as it may."""

    status = 503
    code = "too_many_streams"
    default_message = "As many streams are open as there may be; GET /stats/live tells the same."
