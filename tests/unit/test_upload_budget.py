"""Uploads in memory are bounded by bytes."""

import pytest

from app.errors import Overloaded
from app.services.images.upload_budget import UploadBudget


def test_uploads_are_admitted_while_they_fit() -> None:
    budget = UploadBudget(100)

    with budget.admit(60):
        with budget.admit(40):
            pass
        with pytest.raises(Overloaded), budget.admit(41):
            pass

    with budget.admit(100):
        pass


def test_room_is_free_again_after_an_error() -> None:
    budget = UploadBudget(100)

    with pytest.raises(ValueError, match="bad"), budget.admit(100):
        raise ValueError("bad")

    with budget.admit(100):
        pass


def test_an_upload_alone_always_fits() -> None:
    with UploadBudget(100).admit(1000):
        pass
