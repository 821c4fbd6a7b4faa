"""What can go wrong with the cache that processes share. No request fails by it."""


class RedisAway(Exception):
    """Redis gave no answer in time, or not one that can be used. What is asked of it is asked of the database."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)
