"""What a running service says of its near matches, and what it must say."""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import httpx

from tests.support.service_process import Service

_Z = 1.96
"""The normal distribution has 95 % of its mass within so many standard deviations."""


@dataclass
class Counted:
    """The comparisons that a test has made itself."""

    compared: int = 0
    disagreed: int = 0

    @property
    def upper_end(self) -> float:
        """The upper end of Wilson's 95 % interval of the share that disagreed."""
        share, z = self.disagreed / self.compared, _Z
        reach = z * sqrt(share * (1 - share) / self.compared + z**2 / (4 * self.compared**2))
        return (share + z**2 / (2 * self.compared) + reach) / (1 + z**2 / self.compared)


def near_status(service: Service) -> dict[str, Any]:
    """Return what the service says of its near matches: among others `state`, `comparisons` and `disagreed`."""
    answer = httpx.get(f"{service.url}/api/v1/stats/identity", timeout=10)
    assert answer.status_code == 200, answer.text
    near: dict[str, Any] = answer.json()["data"]["near"]
    return near
