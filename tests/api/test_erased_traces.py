"""Whatever a user has done, no line of the log names them, and once they are erased no export does."""

import hashlib
import secrets
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.conftest import settings_for_provider
from tests.factories import make_image
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.service_process import EMBEDDED, GUNICORN, Service, environment, running_service, wait_until

LIMITS = {"log_level": "DEBUG", "daily_calls_per_client": 5, "daily_budget": "1", "fair_share": "0.25"}


def do_everything(service: Service, user: str, models: FakeModels) -> set[int]:
    """Do all that a user can do, and what an operator can do about one; return the statuses of the answers."""
    own, api = {"X-User-ID": user}, f"{service.url}/api/v1"
    image, other = make_image(), make_image()
    with httpx.Client(headers=own, timeout=20) as client:

        def upload(data: bytes) -> httpx.Response:
            return client.post(f"{api}/classify", files={"image": (f"{user}.jpg", data)})

        digest = hashlib.sha256(image).hexdigest()
        question = {"image_hash": digest, "user_id": user}
        answers = [client.post(f"{api}/classify/check-cache", json=question), upload(image)]
        request_id = answers[-1].json()["request_id"]
        answers += [client.post(f"{api}/classify/check-cache", json=question), upload(image)]
        answers += [upload(image[:100]), upload(user.encode() * 1000), client.post(f"{api}/classify", json={"a": user})]
        for behaviour in (Behaviour(finish="refusal", text=user), Behaviour(status=500), Behaviour(text=user)):
            models.behaviour = behaviour
            answers.append(upload(make_image()))
        models.behaviour = Behaviour()
        answers += [upload(make_image()) for _ in range(5)]  # beyond the calls of a day
        answers += [
            client.post(f"{api}/classify/check-cache", json={"image_hash": user}),
            client.post(f"{api}/classify/check-cache", headers={"X-User-ID": f"{user} {user}"}, json=question),
            client.post(f"{api}/feedback", json={"request_id": request_id, "category": "pets"}),
            client.post(f"{api}/feedback", json={"request_id": user, "category": user}),
            client.post(f"{api}/classify/check-cache", json=question),
            upload(other),
            client.get(f"{api}/requests/{request_id}"),
            client.get(f"{api}/history?limit=5"),
            client.get(f"{api}/history?limit=5&before={user}"),
            client.get(f"{api}/stats/users/{user}"),
            client.get(f"{api}/stats/users/{user}/"),
            client.get(f"{api}/stats/users/top"),
            client.get(f"{api}/feedback"),
        ]
        erased = client.delete(f"{api}/history")
    assert erased.json()["data"]["complete"] is True
    return {answer.status_code for answer in [*answers, erased]}


@pytest.mark.parametrize("command", [EMBEDDED, GUNICORN], ids=["one process", "gunicorn"])
def test_no_line_of_the_log_names_a_user_and_after_erasing_no_export_does(
    command: tuple[str, ...], tmp_path: Path, fake_models: FakeModels
) -> None:
    user = f"device-{secrets.token_hex(8)}"
    model = settings_for_provider("openai", fake_models)
    with running_service(tmp_path, command, **LIMITS, **model) as service:
        statuses = do_everything(service, user, fake_models)
        assert {200, 400, 404, 422, 429} < statuses  # it was all there
        wait_until(service, lambda: "a user was erased" in service.printed())

    log = service.printed()
    export = subprocess.run(
        [sys.executable, "-m", "app.cli", "export"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert log.count(" request ") + log.count('"message": "request"') >= 25
    assert [line for line in log.splitlines() if user in line] == []
    assert export.stdout.count("\n") > 3
    assert user not in export.stdout + export.stderr
