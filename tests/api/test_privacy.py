"""P3, no photo kept, and P7, private: what this service knows about a photo or a user, and who is told."""

import base64
import struct
import tempfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from loguru import logger
from PIL import Image

from app.container import open_container
from app.database import Database, Sql
from app.observe.logs import configure_logging
from tests.api.calls import check_cache, classify, upload
from tests.conftest import TABLES, make_client, make_settings, settings_for_provider
from tests.factories import make_image
from tests.support.audit_events import listening
from tests.support.fake_model_server import Behaviour, FakeModels

MARKER = b"MARKER-7f3a9c51d2e84b60"


@pytest.fixture
def opened_for_writing() -> Iterator[list[tuple[str, int]]]:
    """What Python code opens for writing during the test, files without a name included."""
    opened: list[tuple[str, int]] = []

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            opened.append((str(arguments[0]), int(arguments[2] or 0)))
        elif event.startswith("tempfile."):
            opened.append((event, 1))

    with listening(note):
        yield opened


def written(opened: list[tuple[str, int]]) -> list[str]:
    return [name for name, flags in opened if flags & 3]  # O_WRONLY or O_RDWR


def image_with_marker(megabytes: float = 0.2) -> bytes:
    """Return a PNG that holds the marker in clear: in its pixels, not compressed, and in its metadata."""
    width = len(MARKER) * 10
    height = int(megabytes * 1024 * 1024 / width / 3)
    rows = (b"\0" + MARKER * 30) * height  # each row begins with its filter: none
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"tEXt", b"Comment\0" + MARKER), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_p3_no_upload_of_any_size_opens_a_file_for_writing(
    client: httpx.AsyncClient, opened_for_writing: list[tuple[str, int]]
) -> None:
    await classify(client, make_image())  # what is opened once, lazily, is opened now
    opened_for_writing.clear()

    for megabytes in (0.5, 2, 9.5):
        await classify(client, image_with_marker(megabytes))
    await upload(client, b"\0" * 9_000_000)
    await upload(client, image_with_marker(2)[:1_900_000])
    await upload(client, b"\0" * 10_500_000)

    assert written(opened_for_writing) == []


async def test_p3_the_check_above_would_see_a_file_without_a_name(opened_for_writing: list[tuple[str, int]]) -> None:
    with tempfile.SpooledTemporaryFile(max_size=10) as file:
        file.write(b"x" * 11)

    assert written(opened_for_writing) != []


@pytest.mark.on_both_databases
async def test_p3_no_byte_of_an_image_is_in_the_database_or_the_log(
    client: httpx.AsyncClient,
    database: Database,
    fake_models: FakeModels,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(level="DEBUG", as_json=True)
    image = image_with_marker()
    assert image.count(MARKER) > 8000
    behaviours = [Behaviour(), Behaviour(status=500), Behaviour(finish="refusal", text="no"), Behaviour(text="no json")]

    for behaviour in behaviours:
        fake_models.behaviour = behaviour
        await upload(client, image + bytes(behaviours.index(behaviour)))
        await upload(client, image[:-40] + zlib.compress(MARKER))  # damaged at its end
    await client.post("/classify", data={"image": MARKER.decode() * 10})
    await client.post("/classify/check-cache", content=b'{"image_hash": "' + MARKER + b'"}')
    logger.configure(handlers=[])

    rows: list[Any] = []
    for table in TABLES:
        rows += await database.fetch_all(Sql.same(f"SELECT * FROM {table}"), {})
    log = capsys.readouterr().out
    files = everything_in(tmp_path)
    assert rows
    assert log.count("\n") > 10
    for trace in (MARKER, base64.b64encode(MARKER)[2:-4]):
        assert trace.decode() not in log
        assert trace.decode() not in repr(rows)
        assert trace not in files


@pytest.mark.parametrize("provider", ["openai", "claude"])
async def test_p3_what_the_model_gets_is_not_in_the_log_even_at_debug(
    provider: str, sqlite_settings: dict[str, Any], fake_models: FakeModels, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings(**sqlite_settings, **settings_for_provider(provider, fake_models))
    configure_logging(level="DEBUG", as_json=True)
    async with open_container(settings) as container, make_client(settings, container) as client:
        await classify(client, make_image())
        fake_models.behaviour = Behaviour(status=500)
        await upload(client, make_image())
    logger.configure(handlers=[])

    log = capsys.readouterr().out
    assert log.count("\n") > 3
    assert len(fake_models.calls) == 3
    for call in fake_models.calls:
        assert base64.b64encode(call.jpeg).decode()[100:200] not in log
        assert "test-key" not in log


async def test_p3_the_model_gets_a_copy_without_metadata(client: httpx.AsyncClient, fake_models: FakeModels) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = MARKER.decode()
    exif[0x010E] = MARKER.decode()
    output = BytesIO()
    Image.new("RGB", (64, 64)).save(output, "JPEG", exif=exif, comment=MARKER, icc_profile=MARKER)
    assert output.getvalue().count(MARKER) == 4

    await classify(client, output.getvalue())

    assert MARKER not in fake_models.calls[0].jpeg


@pytest.mark.on_both_databases
async def test_p7_a_record_is_read_by_the_user_it_belongs_to(client: httpx.AsyncClient) -> None:
    image = make_image()
    uploaded = await classify(client, image, "device-42")
    looked_up = await check_cache(client, image, "device-42")

    for answer, from_cache, size in ((uploaded, False, len(image)), (looked_up, True, None)):
        response = await client.get(f"/requests/{answer['request_id']}", headers={"X-User-ID": "device-42"})

        assert response.status_code == 200
        record = response.json()["data"]
        assert record["request_id"] == answer["request_id"]
        assert (record["category"], record["confidence"]) == tuple(answer["data"].values())[:2]
        assert (record["from_cache"], record["image_size"]) == (from_cache, size)
        assert "user_id" not in record
        assert "ip_address" not in record


@pytest.mark.parametrize("reader", [None, "device-43", "DEVICE-42", "device-4"])
@pytest.mark.on_both_databases
async def test_p7_a_record_is_not_there_for_anybody_else(reader: str | None, client: httpx.AsyncClient) -> None:
    answer = await classify(client, make_image(), "device-42")
    headers = {} if reader is None else {"X-User-ID": reader}

    response = await client.get(f"/requests/{answer['request_id']}", headers=headers)

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


@pytest.mark.on_both_databases
async def test_p7_a_record_without_a_user_is_not_there_for_anybody(client: httpx.AsyncClient) -> None:
    answer = await classify(client, make_image())

    for headers in ({}, {"X-User-ID": "None"}, {"X-User-ID": "device-42"}):
        assert (await client.get(f"/requests/{answer['request_id']}", headers=headers)).status_code == 404


async def test_a_lookup_without_a_user_counts_but_leaves_no_record(
    client: httpx.AsyncClient, database: Database
) -> None:
    image = make_image()
    await classify(client, image, "device-42")

    await check_cache(client, image)

    assert await database.fetch_all(Sql.same("SELECT COUNT(*) FROM request_log"), {}) == [(1,)]
    assert await database.fetch_all(Sql.same("SELECT hit_count FROM image_classification_cache"), {}) == [(2,)]


async def test_the_user_in_the_header_wins_over_the_one_in_the_body(
    client: httpx.AsyncClient, database: Database
) -> None:
    answer = await classify(client, make_image(), "device-42")
    record = (await client.get(f"/requests/{answer['request_id']}", headers={"X-User-ID": "device-42"})).json()["data"]
    body = {"image_hash": record["image_hash"].upper(), "user_id": "in-body"}

    await client.post("/classify/check-cache", json=body)
    await client.post("/classify/check-cache", json=body, headers={"X-User-ID": "in-header"})

    users = await database.fetch_all(Sql.same("SELECT user_id FROM request_log ORDER BY id"), {})
    assert users == [("device-42",), ("in-body",), ("in-header",)]
