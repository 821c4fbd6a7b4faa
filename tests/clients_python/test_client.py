"""Both clients, against the real service: a photo is asked for by its hashes, uploaded on a miss, and paid for once."""

import asyncio
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from photo_classifier.answer import Answer
from photo_classifier.async_client import AsyncClassifier
from photo_classifier.client import Classifier
from photo_classifier.errors import (
    BudgetExhausted,
    ClassifierError,
    ClientClosed,
    ConnectionFailed,
    InvalidPhoto,
    InvalidRequest,
    KeyRefused,
    ModelFailed,
    ModelRefused,
    NotOffered,
    PhotoTooLarge,
    PhotoUnreadable,
    QuotaExceeded,
    ServiceUnavailable,
    TimedOut,
    UnexpectedAnswer,
)
from photo_classifier.options import Limits, Options, SigningKey
from photo_classifier.outcome import Outcome
from photo_classifier.photo import Names
from tests.clients_python.conftest import API_KEY, Async, Deployment, Face, Sync, on_both_databases
from tests.factories import make_image
from tests.support.apps_page import SIGNING_KEY
from tests.support.fake_model_server import FakeModels
from tests.support.picture_files import COM, with_segments
from tests.support.service_process import Service, running_service, wait_until
from tests.support.unreliable_front import BATCH, CHECK, UPLOAD, Fault, Front, refuses, says

SIGNS = SigningKey(*SIGNING_KEY.split(":"))
DATABASE_IS_AWAY = refuses(503, "database_unavailable", **{"retry-after": "0"})


def options(front: Front, **limits: float) -> Options:
    return Options(front.url, user_id="device-42", limits=Limits(**limits))  # type: ignore[arg-type]


def test_a_photo_is_uploaded_once_and_then_known_by_its_hash(front: Front, face: Face, fake_models: FakeModels) -> None:
    photo = make_image()

    first = face(options(front)).classify(photo)
    again = face(options(front)).classify(photo)

    assert (first.from_cache, first.uploaded_bytes) == (False, len(photo))
    assert (again.from_cache, again.uploaded_bytes, again.matched_by) == (True, 0, "bytes")
    assert (again.category, again.confidence, again.description) == (
        first.category,
        first.confidence,
        first.description,
    )
    assert front.paths() == [CHECK, UPLOAD, CHECK]
    assert len(fake_models.calls) == 1


def test_a_photo_whose_metadata_alone_is_new_is_not_uploaded(front: Front, face: Face, tmp_path: Path) -> None:
    photo = make_image()
    face(options(front)).classify(photo)
    captioned = tmp_path / "captioned.jpg"
    captioned.write_bytes(with_segments(photo, (COM, b"a caption")))

    answer = face(options(front)).classify(captioned)

    assert (answer.matched_by, answer.uploaded_bytes) == ("content", 0)


def test_the_files_own_name_is_not_sent(front: Front, face: Face, tmp_path: Path) -> None:
    path = tmp_path / "passport of Ann.jpg"
    path.write_bytes(make_image())

    face(options(front)).classify(path)

    assert all(b"Ann" not in body for _, body, _ in front.seen)


@on_both_databases
def test_a_passing_failure_of_either_call_is_tried_again(front: Front, face: Face, fake_models: FakeModels) -> None:
    front.script = {path: [Fault(503, b"<html>", {"retry-after": "0"})] for path in (CHECK, UPLOAD)}

    answer = face(options(front)).classify(make_image())

    assert not answer.from_cache
    assert front.paths() == [CHECK, CHECK, UPLOAD, UPLOAD]
    assert len(fake_models.calls) == 1


@on_both_databases
def test_a_connection_cut_in_the_middle_of_an_upload_is_made_good(
    front: Front, face: Face, fake_models: FakeModels
) -> None:
    front.script = {UPLOAD: [Fault(cuts_after_bytes=20_000)]}
    photo = make_image(size=(640, 480), quality=98)
    assert len(photo) > 40_000

    answer = face(options(front)).classify(photo)

    assert not answer.from_cache
    assert front.paths() == [CHECK, UPLOAD, CHECK, UPLOAD]
    assert len(fake_models.calls) == 1


@on_both_databases
def test_an_upload_whose_answer_was_lost_is_not_sent_again_and_not_paid_again(
    front: Front, face: Face, fake_models: FakeModels
) -> None:
    front.script = {UPLOAD: [Fault(loses_answer=True)]}

    answer = face(options(front)).classify(make_image())

    assert answer.from_cache
    assert front.paths() == [CHECK, UPLOAD, CHECK]
    assert len(fake_models.calls) == 1


def test_a_lost_upload_is_not_sent_again_before_the_service_says_that_it_does_not_know_it(
    front: Front, face: Face, fake_models: FakeModels
) -> None:
    """While the database is away, another process would have the photo paid for again."""
    miss = says(200, {"success": True, "cached": False, "message": ""})
    front.script = {UPLOAD: [Fault(loses_answer=True)], CHECK: [miss, DATABASE_IS_AWAY, DATABASE_IS_AWAY]}

    answer = face(options(front)).classify(make_image())

    assert answer.from_cache
    assert front.paths() == [CHECK, UPLOAD, CHECK, CHECK, CHECK]
    assert len(fake_models.calls) == 1


def test_nothing_is_uploaded_where_nobody_can_say_whether_it_is_known(front: Front, face: Face) -> None:
    front.always = {CHECK: DATABASE_IS_AWAY}

    with pytest.raises(ServiceUnavailable):
        face(options(front, max_tries=3)).classify(make_image())

    assert front.paths() == [CHECK, CHECK, CHECK]


@on_both_databases
def test_a_time_out_is_tried_again(front: Front, face: Face, fake_models: FakeModels) -> None:
    front.script = {CHECK: [Fault(hangs=True)], UPLOAD: [Fault(hangs=True)]}

    answer = face(options(front, check_seconds=1, answer_seconds=1)).classify(make_image())

    assert not answer.from_cache
    assert front.paths()[:3] == [CHECK, CHECK, UPLOAD]
    assert len(fake_models.calls) == 1


def test_a_photo_has_one_time_for_all_its_tries(front: Front, face: Face) -> None:
    front.always = {CHECK: Fault(hangs=True)}

    with pytest.raises(TimedOut):
        face(options(front, total_seconds=0.9, check_seconds=0.7)).classify(make_image())

    assert front.paths() == [CHECK]


def test_an_answer_that_never_ends_is_given_up_in_time(face: Face, endless_server: str) -> None:
    """Each piece of it comes quickly: a limit for each read alone would wait for ever."""
    with pytest.raises(TimedOut):
        face(Options(endless_server, limits=Limits(total_seconds=0.6))).classify(make_image())


@pytest.mark.parametrize(("deployment", "face"), [("sqlite", Sync), ("mysql", Async)], indirect=True)
def test_a_restart_of_the_service_is_survived(
    deployment: Deployment, front: Front, face: Face, fake_models: FakeModels, tmp_path: Path
) -> None:
    photos = [make_image(), make_image()]
    with running_service(tmp_path, **deployment.settings) as before:
        front.target = before.url
        face(options(front)).classify(photos[0])
    with ThreadPoolExecutor(1) as thread:
        outcomes = thread.submit(face(options(front)).classify_many, photos)
        wait_until(before, lambda: len(front.seen) > 4)  # nobody is there: both photos are asked for again

        front.target = deployment.service.url
        known, new = outcomes.result()

    assert known.answer is not None
    assert new.answer is not None
    assert (known.answer.from_cache, new.answer.from_cache) == (True, False)
    assert len(fake_models.calls) == 2


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (refuses(400, "invalid_image"), InvalidPhoto, "invalid_image"),
        (refuses(400, "unsupported_format"), InvalidPhoto, "unsupported_format"),
        (refuses(401, "unauthorized"), KeyRefused, "unauthorized"),
        (refuses(403, "forbidden"), KeyRefused, "forbidden"),
        (refuses(404, "not_found"), NotOffered, "not_found"),
        (refuses(413, "image_too_large"), PhotoTooLarge, "image_too_large"),
        (Fault(413, b"<html>", {"x-request-id": "req_1_front"}), PhotoTooLarge, "http_413"),
        (refuses(422, "model_refused"), ModelRefused, "model_refused"),
        (refuses(502, "model_bad_answer"), ModelFailed, "model_bad_answer"),
        (refuses(504, "model_timeout"), ModelFailed, "model_timeout"),
        (refuses(503, "budget_exhausted", **{"retry-after": "3600"}), BudgetExhausted, "budget_exhausted"),
        (refuses(429, "quota_exceeded", **{"retry-after": "3600"}), QuotaExceeded, "quota_exceeded"),
        (Fault(302, b"", {"location": "/login"}), UnexpectedAnswer, "UnexpectedAnswer"),
        (Fault(200, b"<html>please log in", {"x-request-id": "req_1_front"}), UnexpectedAnswer, "UnexpectedAnswer"),
        (says(200, {"success": True, "data": {"category": 7}}), UnexpectedAnswer, "UnexpectedAnswer"),
    ],
)
def test_what_cannot_pass_is_one_try_and_an_error_of_its_kind(
    fault: Fault, kind: type[ClassifierError], code: str, front: Front
) -> None:
    front.always = {UPLOAD: fault}

    with pytest.raises(kind) as raised:
        Sync(options(front)).classify(make_image())

    assert type(raised.value) is kind
    assert raised.value.code == code
    assert raised.value.request_id == fault.headers.get("x-request-id")
    assert front.paths() == [CHECK, UPLOAD]


def test_a_failure_that_stays_is_raised_with_the_number_of_tries(front: Front, face: Face) -> None:
    front.always = {UPLOAD: refuses(503, "overloaded", **{"retry-after": "0"})}

    with pytest.raises(ServiceUnavailable) as raised:
        face(options(front, max_tries=3)).classify(make_image())

    assert (raised.value.code, raised.value.tries) == ("overloaded", 3)
    assert front.paths() == [CHECK, UPLOAD, UPLOAD, UPLOAD]


def test_nobody_at_the_address_is_a_connection_that_failed(face: Face, unused_tcp_port: int) -> None:
    with pytest.raises(ConnectionFailed):
        face(Options(f"http://127.0.0.1:{unused_tcp_port}", limits=Limits(max_tries=2))).classify(make_image())


@pytest.mark.parametrize("user_id", ["device-42", None])
def test_a_key_and_a_signature_open_the_doors(user_id: str | None, guarded_service: Service, face: Face) -> None:
    opened = Options(guarded_service.url, api_key=API_KEY, signing_key=SIGNS, user_id=user_id)

    assert face(opened).classify(make_image()).category


@pytest.mark.parametrize("wrong", [{"api_key": API_KEY}, {"signing_key": SIGNS}])
def test_without_one_of_them_they_stay_closed(wrong: dict[str, Any], guarded_service: Service, face: Face) -> None:
    with pytest.raises(KeyRefused):
        face(Options(guarded_service.url, **wrong)).classify(make_image())


def test_many_photos_are_answered_in_their_order_and_each_on_its_own(
    service: Service, face: Face, tmp_path: Path, fake_models: FakeModels
) -> None:
    photos = [make_image() for _ in range(8)]
    sources: list[Any] = [*photos, b"no picture", tmp_path / "missing.jpg", b""]
    told: list[int] = []

    def on_done(outcome: Outcome, done: int) -> None:
        told.append(done)

    outcomes = face(Options(service.url)).classify_many(sources, on_done=on_done)

    assert [outcome.source for outcome in outcomes] == sources
    assert all(outcome.answer for outcome in outcomes[:8])
    assert [type(outcome.error) for outcome in outcomes[8:]] == [InvalidPhoto, PhotoUnreadable, PhotoUnreadable]
    assert told == list(range(1, 12))
    assert len(fake_models.calls) == 8


def test_no_more_photos_are_under_way_than_asked_for(front: Front, face: Face) -> None:
    under_way: list[int] = []
    taken = 0

    def photos() -> Any:
        nonlocal taken
        for _ in range(9):
            taken += 1
            yield make_image()

    def on_done(_: Outcome, done: int) -> None:
        under_way.append(taken - done)

    face(options(front)).classify_many(photos(), concurrency=3, on_done=on_done)

    assert len(under_way) == 9
    assert max(under_way) <= 3


def test_a_failing_progress_callback_ends_the_call_with_its_own_error(front: Front, face: Face) -> None:
    def on_done(_: Outcome, __: int) -> None:
        raise LookupError("of the caller")

    with pytest.raises(LookupError, match="of the caller"):
        face(options(front)).classify_many([make_image() for _ in range(6)], on_done=on_done)


def test_many_photos_are_asked_for_at_once_where_the_server_can(front: Front, face: Face) -> None:
    data = {"category": "pets", "confidence": 0.9, "description": None}
    hit = {
        "success": True,
        "cached": True,
        "data": data,
        "from_cache": True,
        "request_id": "req_1",
        "matched_by": "bytes",
    }
    miss = {"success": True, "cached": False, "message": "Cache not found, please upload the full image"}
    wrong = {"success": False, "error": {"code": "invalid_image_hash", "message": "no hash"}}
    results = [{"index": 0, "id": "0", **hit}, {"index": 1, "id": "1", **miss}, {"index": 2, "id": "2", **wrong}]
    front.script = {BATCH: [says(200, {"success": True, "results": results})]}

    known, unknown, failed = face(options(front)).check_many([Names(digit * 64) for digit in "abc"])

    assert isinstance(known, Answer)
    assert (known.category, known.matched_by, known.request_id) == ("pets", "bytes", "req_1")
    assert unknown is None
    assert type(failed) is InvalidRequest
    assert failed.code == "invalid_image_hash"
    assert front.paths() == [BATCH]


@pytest.mark.parametrize("status", [404, 405])
def test_many_photos_are_asked_for_one_by_one_where_the_server_cannot(status: int, front: Front, face: Face) -> None:
    front.always = {BATCH: refuses(status, "not_found")}
    photos = [make_image() for _ in range(5)]
    face(options(front)).classify_many(photos[:2])
    front.seen.clear()

    found = face(options(front)).check_many([Names.of(photo) for photo in photos])

    assert [answer is not None for answer in found] == [True, True, False, False, False]
    assert sorted(front.paths()) == [*[CHECK] * 5, BATCH]


def test_a_large_photo_is_shrunk_on_its_way_and_asked_for_by_its_original(front: Front, face: Face) -> None:
    photo = make_image(size=(3000, 2000), quality=95)
    small = Options(front.url, shrink_above_bytes=100_000)
    assert len(photo) > 200_000

    answer = face(small).classify(photo)

    assert answer.uploaded_bytes < len(photo) / 2
    assert hashlib.sha256(photo).hexdigest().encode() in front.seen[0][1]
    assert front.paths() == [CHECK, CHECK, UPLOAD]
    sent = front.seen[2][1]
    with Image.open(BytesIO(sent[sent.index(b"\xff\xd8\xff") :])) as image:
        assert image.size == (1600, 1067)


def test_a_photo_that_was_sent_as_a_smaller_copy_is_known_by_the_copy(
    front: Front, face: Face, fake_models: FakeModels
) -> None:
    photo = make_image(size=(1200, 900), quality=95)
    small = Options(front.url, shrink_above_bytes=10_000)
    face(small).classify(photo)
    front.seen.clear()

    again = face(small).classify(photo)

    assert (again.uploaded_bytes, again.matched_by) == (0, "bytes")
    assert front.paths() == [CHECK, CHECK]
    assert len(fake_models.calls) == 1


def test_closing_ends_a_client_that_waits() -> None:
    """In another thread: it would wait for seconds yet."""
    with Front.running("http://127.0.0.1:1") as front:
        front.always = {CHECK: refuses(503, "overloaded", **{"retry-after": "50"})}
        asked = threading.Event()
        front.on_request = lambda _: asked.set()
        client = Classifier(options(front))
        raised: list[BaseException] = []

        def classify() -> None:
            try:
                client.classify(make_image())
            except ClassifierError as error:
                raised.append(error)

        thread = threading.Thread(target=classify)
        thread.start()
        assert asked.wait(10)
        client.close()
        thread.join(10)

    assert not thread.is_alive()
    assert isinstance(raised[0], ClientClosed | ConnectionFailed)


async def test_a_cancelled_call_ends_at_once_and_leaves_a_client_that_works(
    front: Front, fake_models: FakeModels
) -> None:
    front.script = {UPLOAD: [Fault(hangs=True)]}
    uploading = asyncio.Event()
    loop = asyncio.get_running_loop()
    front.on_request = lambda path: loop.call_soon_threadsafe(uploading.set) if path == UPLOAD else None
    photo = make_image()
    async with AsyncClassifier(options(front)) as client:
        call = asyncio.create_task(client.classify(photo))
        await asyncio.wait_for(uploading.wait(), 10)

        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(call, 2)

        assert (await client.classify(photo)).category
    assert len(fake_models.calls) == 1
