"""What came of one of many photos."""

from collections.abc import Callable
from dataclasses import dataclass

from photo_classifier.answer import Answer
from photo_classifier.errors import ClassifierError
from photo_classifier.photo import PhotoSource


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer or an error, never both."""

    source: PhotoSource
    answer: Answer | None
    error: ClassifierError | None


OnDone = Callable[[Outcome, int], object]
"""Is told what came of a photo, and how many are done."""

DEFAULT_CONCURRENCY = 4
