"""The OpenAPI page is the whole truth: as in tests/contract/test_openapi.py, with many more requests."""

from pathlib import Path

import pytest

from app.main import create_app
from tests.conftest import make_settings
from tests.support.generated_requests import check_generated_requests
from tests.support.service_process import running_service


@pytest.mark.timeout(900)
def test_many_generated_requests_are_answered_as_documented(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        check_generated_requests(service, create_app(make_settings()).openapi(), tmp_path, examples=100)
