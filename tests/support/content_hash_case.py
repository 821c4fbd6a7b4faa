"""What a case of the content hash's test vectors is."""

from dataclasses import dataclass

OWN = ""
"""In place of another case: a name that no other case has."""


@dataclass(frozen=True, slots=True)
class Case:
    """One file. `same_as`: the case of the same name, OWN, or None where there is no name."""

    name: str
    why: str
    data: bytes
    same_as: str | None = OWN
