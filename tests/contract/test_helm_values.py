"""What may be changed of the chart: each value has a rule and a line in the page, and what is wrong is named."""

from typing import Any, get_args, get_type_hints

import pytest
import yaml
from pydantic import SecretStr

from app.config import Settings
from app.version import VERSION
from scripts import chart_docs
from tests.support.helm_chart import CHART, SECTIONS, VALUES, helm


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replicas": 0}, "replicas"),
        ({"replica": 3}, "replica"),
        ({"settings": {"WEB_CONCURRENCY": 2}}, "WEB_CONCURRENCY"),
        ({"settings": {"MYSQL_PASSWORD": "in the open"}}, "MYSQL_PASSWORD"),
        ({"settings": {"web_concurrency": "2"}}, "web_concurrency"),
        ({"spool": {"size": "4"}}, "size"),
        ({"serviceMonitor": {"interval": "often"}}, "interval"),
        ({"resources": {"requests": {"cpu": None}}}, "cpu"),
        ({"existingSecret": ""}, "existingSecret"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(values: dict[str, Any], named: str) -> None:
    with helm.Chart.load(CHART) as chart, pytest.raises(helm.HelmError, match=named):
        chart.validate_schema(values)


def test_every_setting_is_one_and_no_secret_may_stand_among_them() -> None:
    schema = yaml.safe_load((CHART / "values.schema.json").read_text(encoding="utf-8"))
    named = schema["properties"]["settings"]["properties"]
    hints = get_type_hints(Settings)
    secrets = {name.upper() for name in Settings.model_fields if SecretStr in (hints[name], *get_args(hints[name]))}

    assert {name for name in VALUES["settings"] if name.lower() not in Settings.model_fields} == set()
    of_telemetry = {f"OTEL_EXPORTER_OTLP_{signal}HEADERS" for signal in ("", "TRACES_", "METRICS_")}  # mostly a key
    assert {name for name, rule in named.items() if rule is False} == secrets | of_telemetry


def test_the_chart_is_of_the_services_version_and_every_value_has_a_rule() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    schema = yaml.safe_load((CHART / "values.schema.json").read_text(encoding="utf-8"))

    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)
    assert set(schema["properties"]) - {"global"} == set(VALUES)


def test_the_page_names_each_value_with_what_it_is_for() -> None:
    page = chart_docs.PAGE.read_text(encoding="utf-8")

    assert page == chart_docs.render_page(page)  # else: make docs
    assert "| `spool.persistent` | `true` | true: a volume for each pod" in page


@pytest.mark.parametrize("path", SECTIONS)
def test_no_value_is_accepted_that_the_chart_does_not_know(path: str) -> None:
    with helm.Chart.load(CHART) as chart, pytest.raises(helm.HelmError, match="misspelt"):
        chart.validate_schema({path: {"misspelt": "value"}})
