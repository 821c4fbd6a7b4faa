"""What is deployed for monitoring: Prometheus reads it, the alerts fire when they should, and all that is asked of the
service is there to be had, by a real Prometheus that scrapes a real service under some traffic."""

import json
import math
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from app.observe.metrics import Metrics
from tests.conftest import settings_for_provider
from tests.factories import make_image
from tests.support.fake_model_server import Behaviour, FakeModels
from tests.support.figures import Figures
from tests.support.prometheus_server import MONITORING, Prometheus, promtool, running_prometheus
from tests.support.service_process import GUNICORN, Service, running_service

DASHBOARD = MONITORING / "grafana" / "dashboards" / "image-classifier.json"
SELECTOR = re.compile(r"image_classifier_\w+\s*(?:\{[^}]*\})?")
_SECONDS = 40
pytestmark = pytest.mark.timeout(300)  # the first time Prometheus' packages are fetched


def load(name: str) -> Any:
    return yaml.safe_load((MONITORING / name).read_text(encoding="utf-8"))


def alerts() -> dict[str, str]:
    return {rule["alert"]: rule["expr"] for group in load("alerts.yml")["groups"] for rule in group["rules"]}


def dashboard_queries() -> list[str]:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [target["expr"].replace("$__rate_interval", "1m") for panel in panels for target in panel.get("targets", [])]


def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    assert "SUCCESS" in promtool("check", "config", "--syntax-only", "prometheus.yml")
    assert f"{len(alerts())} rules found" in promtool("check", "rules", "alerts.yml")
    assert load("prometheus.yml")["rule_files"] == ["alerts.yml"]


def test_each_alert_fires_when_it_should_and_not_before() -> None:
    promtool("test", "rules", "alerts_test.yml")


def test_each_alert_is_once_expected_and_once_not_though_it_could_fire() -> None:
    fires, silent = set(), set()
    for case in load("alerts_test.yml")["tests"]:
        given = {SELECTOR.match(series["series"]) for series in case["input_series"]}
        names = {match[0].partition("{")[0] for match in given if match}
        could = {alert for alert, expression in alerts().items() if names & metric_names(expression)} | {"ServiceDown"}
        for question in case["promql_expr_test"]:
            expected = set(re.findall(r'alertname="(\w+)"', str(question["exp_samples"])))
            fires |= expected
            silent |= could - expected

    assert fires == silent == set(alerts())


def test_every_alert_says_what_it_is_and_what_to_do() -> None:
    for group in load("alerts.yml")["groups"]:
        for rule in group["rules"]:
            assert {"summary", "description"} <= rule["annotations"].keys()
            assert rule["labels"]["severity"] in ("info", "warning", "critical")


def test_grafana_finds_the_dashboard_and_the_dashboard_its_data() -> None:
    compose = yaml.safe_load((MONITORING / "compose.yml").read_text(encoding="utf-8"))["services"]
    (source,) = load("grafana/provisioning/datasources/prometheus.yml")["datasources"]
    (provider,) = load("grafana/provisioning/dashboards/dashboards.yml")["providers"]
    panels = [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]

    assert {panel["datasource"]["uid"] for panel in panels} == {source["uid"]}
    assert source["url"] == "http://prometheus:9090"
    assert f"./deploy/monitoring/grafana/dashboards:{provider['options']['path']}:ro" in compose["grafana"]["volumes"]


def test_compose_mounts_what_is_there_publishes_to_this_machine_alone_and_starts_only_when_asked() -> None:
    services = yaml.safe_load((MONITORING / "compose.yml").read_text(encoding="utf-8"))["services"]
    root = MONITORING.parents[1]

    for name in ("prometheus", "grafana"):
        assert services[name]["profiles"] == ["monitoring"]
        assert all(port.startswith("127.0.0.1:") for port in services[name]["ports"])
        for volume in services[name]["volumes"]:
            source = volume.split(":")[0]
            assert not source.startswith(".") or (root / source).exists(), source


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {base_name(name) for query in dashboard_queries() for name in metric_names(query)}

    assert shown == {metric.name for metric in Metrics().all()}


@pytest.fixture
def service(tmp_path: Path, fake_models: FakeModels, mysql_settings: dict[str, Any]) -> Iterator[Service]:
    """With two servers, of which one is there, and a replica that is not."""
    settings = {**mysql_settings, **settings_for_provider("openai", fake_models)}
    settings["mysql_host"] = f"{settings['mysql_host']},127.0.0.1:9"
    settings["mysql_read_hosts"] = "127.0.0.1:9"
    with running_service(tmp_path, GUNICORN, web_concurrency=2, **settings) as running:
        yield running


@pytest.fixture
def prometheus(service: Service, tmp_path: Path) -> Iterator[Prometheus]:
    folder = tmp_path / "prometheus"
    folder.mkdir()
    with running_prometheus(folder, service.url.removeprefix("http://"), "a-key") as running:
        yield running


def test_all_that_the_dashboard_and_the_alerts_ask_for_is_there(
    service: Service, prometheus: Prometheus, fake_models: FakeModels
) -> None:
    conditions = [selector for expression in alerts().values() for selector in SELECTOR.findall(expression)]
    missing = {*dashboard_queries(), *conditions}

    end = time.monotonic() + _SECONDS
    while missing and time.monotonic() < end:
        # A model that no longer knows our key is left alone, and has no figures but those of that: so at last.
        some_traffic(service, fake_models, key_known=any(not about_failures(query) for query in missing))
        missing = {query for query in missing if not any(map(math.isfinite, prometheus.query(query)))}

    assert missing == set()
    exposed = Figures.of(httpx.get(f"{service.url}/metrics").text).names()
    assert {name for query in [*dashboard_queries(), *conditions] for name in metric_names(query)} <= exposed


def about_failures(query: str) -> bool:
    return any(part in query for part in ("model_skips", 'status=~"5..', "outcome!~", "internal_error|"))


def some_traffic(service: Service, fake_models: FakeModels, *, key_known: bool) -> None:
    """A little of everything: new photos, known ones, no photos, refusals, failures."""
    api = f"{service.url}/api/v1/classify"
    good, refused = make_image(), make_image()
    fake_models.behaviour = Behaviour() if key_known else Behaviour(status=401)
    for image in (good, good, b"no image"):
        httpx.post(api, files={"image": image})
    httpx.post(f"{api}/check-cache", json={"image_hash": "0" * 64})
    fake_models.behaviour = Behaviour(finish="refusal") if key_known else Behaviour(status=401)
    for _ in range(2):
        httpx.post(api, files={"image": refused})


def metric_names(query: str) -> set[str]:
    return set(re.findall(r"image_classifier_\w+", query))


def base_name(name: str) -> str:
    """Return the metric of a series."""
    names = {metric.name for metric in Metrics().all()}
    return name if name in names else re.sub(r"_(bucket|sum|count)$", "", name)
