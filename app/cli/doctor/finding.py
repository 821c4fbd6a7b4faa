"""What one check of the doctor's found."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and the setting or command that mends it."""

    check: str
    state: State
    said: str
    mend: str = ""
