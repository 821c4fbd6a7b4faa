"""Uploads in memory are bounded by bytes, as they arrive."""

import pytest

from app.errors import Overloaded
from app.services.images.upload_budget import UploadBudget


def test_uploads_grow_while_they_fit() -> None:
    budget = UploadBudget(100)

    with budget.upload() as one, budget.upload() as other:
        one(60)
        other(40)
        with pytest.raises(Overloaded):
            other(1)

    assert budget.in_flight == 0
    with budget.upload() as hold:
        hold(100)


def test_an_upload_that_has_sent_nothing_takes_no_room() -> None:
    budget = UploadBudget(100)

    with budget.upload(), budget.upload(), budget.upload() as hold:
        hold(100)


def test_what_a_refused_upload_held_is_free_for_the_others() -> None:
    budget = UploadBudget(100)

    with budget.upload() as one:
        one(50)
        with budget.upload() as other:
            other(50)
            with pytest.raises(Overloaded):
                other(1)
        one(50)


def test_room_is_free_again_after_an_error() -> None:
    budget = UploadBudget(100)

    def fail() -> None:
        with budget.upload() as hold:
            hold(100)
            raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        fail()

    assert budget.in_flight == 0


def test_an_upload_alone_always_fits() -> None:
    with UploadBudget(100).upload() as hold:
        hold(99)
        hold(1000)
