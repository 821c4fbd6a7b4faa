"""Client of the photo classification service: `Classifier`, and `AsyncClassifier` for event loops."""

from photo_classifier.answer import Answer
from photo_classifier.async_client import AsyncClassifier
from photo_classifier.client import Classifier
from photo_classifier.errors import ClassifierError
from photo_classifier.options import Limits, Options, SigningKey
from photo_classifier.outcome import Outcome
from photo_classifier.photo import Names, Photo
from photo_classifier.version import VERSION as __version__

__all__ = [
    "Answer",
    "AsyncClassifier",
    "Classifier",
    "ClassifierError",
    "Limits",
    "Names",
    "Options",
    "Outcome",
    "Photo",
    "SigningKey",
    "__version__",
]
