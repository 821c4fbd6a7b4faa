"""Operators' changes: of the answer that a name leads to, told at once, and logged with the name of the key."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from app.errors import InvalidRequest, NotFound
from app.models.correction import AnswerRecord, AuditEntry, NameRecord, Operator
from app.models.domain import Category
from app.models.identity import MatchedBy
from app.services.correction_service import CorrectionService
from tests.fakes import as_any

NOON = datetime(2025, 10, 10, 12, 0, tzinfo=UTC)
ALICE = Operator("req_1", "alice", "192.0.2.7")
KEY, FILE, CONTENT = "a" * 64, "b" * 64, f"c1:{'c' * 64}"


def make_answer(image_hash: str) -> AnswerRecord:
    return AnswerRecord(image_hash, "foods", 0.9, None, "gpt-6-luna", "1", None, 1, NOON, NOON, corrected=False)


@dataclass
class FakeAnswers:
    """Answers by their names."""

    keys: dict[str, tuple[str, MatchedBy]]
    done: list[tuple[Any, ...]] = field(default_factory=list)

    async def find_key(self, name: str) -> tuple[str, MatchedBy | None] | None:
        return self.keys.get(name)

    async def fetch_answer(self, image_hash: str) -> AnswerRecord | None:
        return make_answer(image_hash)

    async def fetch_names(self, image_hash: str, limit: int) -> list[NameRecord]:
        return []

    async def count_names(self, image_hash: str) -> int:
        return 0

    async def correct(
        self,
        image_hash: str,
        category: Category,
        reason: str,
        operator: Operator,
        now: datetime,
        *,
        neighbour: str | None = None,
    ) -> None:
        self.done.append(("correct", image_hash, category, reason, operator, now, neighbour))

    async def delete(self, image_hash: str, reason: str, operator: Operator, now: datetime) -> None:
        self.done.append(("delete", image_hash, reason, operator, now))


class FakeAudit:
    """No changes so far."""

    async def fetch(self, limit: int, before: int | None) -> list[AuditEntry]:
        return []

    async def fetch_of(self, image_hash: str, limit: int) -> list[AuditEntry]:
        return []


@dataclass
class FakeWatch:
    """Counts how often it is looked."""

    looks: int = 0

    async def look_with_others(self) -> None:
        self.looks += 1


def make_service(**keys: MatchedBy) -> tuple[CorrectionService, FakeAnswers, FakeWatch]:
    names = {"key": KEY, "file": FILE, "content": CONTENT}
    answers, watch = FakeAnswers({names[name]: (KEY, kind) for name, kind in keys.items()}), FakeWatch()
    return CorrectionService(answers, FakeAudit(), as_any(watch), lambda: NOON), answers, watch


async def test_the_answer_that_an_exact_name_leads_to_is_changed_and_that_is_told_at_once() -> None:
    service, answers, watch = make_service(content=MatchedBy.CONTENT)

    await service.correct(CONTENT, Category.PETS, "a dog", ALICE)
    await service.delete(CONTENT, "again", ALICE)

    assert answers.done == [
        ("correct", KEY, Category.PETS, "a dog", ALICE, NOON, None),
        ("delete", KEY, "again", ALICE, NOON),
    ]
    assert watch.looks == 2


async def test_a_file_that_only_looks_like_another_is_corrected_apart_from_it() -> None:
    service, answers, _ = make_service(file=MatchedBy.NEAR)

    await service.correct(FILE, Category.PETS, "a dog", ALICE)

    assert answers.done == [("correct", FILE, Category.PETS, "a dog", ALICE, NOON, KEY)]


async def test_anothers_answer_is_neither_deleted_nor_corrected_by_a_near_name() -> None:
    service, answers, _ = make_service(content=MatchedBy.NEAR, file=MatchedBy.NEAR)

    with pytest.raises(InvalidRequest):
        await service.correct(CONTENT, Category.PETS, "a dog", ALICE)
    with pytest.raises(InvalidRequest):
        await service.delete(FILE, "again", ALICE)
    assert answers.done == []


async def test_what_is_not_known_cannot_be_changed() -> None:
    service, answers, watch = make_service()

    with pytest.raises(NotFound):
        await service.correct(KEY, Category.PETS, "a dog", ALICE)
    with pytest.raises(NotFound):
        await service.delete(KEY, "again", ALICE)
    with pytest.raises(NotFound):
        await service.find(KEY)
    assert (answers.done, watch.looks) == ([], 0)
