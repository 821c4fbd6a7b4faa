"""The chart in deploy/helm, rendered by Helm's own engine with some choices of values."""

from pathlib import Path
from typing import Any

import pytest
import yaml

helm = pytest.importorskip("helm_python", reason="its engine comes as a wheel for the commonest machines alone")

CHART = Path(__file__).parents[2] / "deploy/helm"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
ALL_ON: dict[str, Any] = {
    "imagePullSecrets": [{"name": "registry"}],
    "settings": {
        "LLM_TIMEOUT": "60",
        "MYSQL_PORT": "3307",
        "MYSQL_HOST": "a, b:3308,[::1]:3309",
        "MYSQL_READ_HOSTS": "c:3310",
        "LLM_BASE_URL": "http://model:9000/v1",
        "LLM_FALLBACK_BASE_URL": "http://other",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector:4318",
    },
    "secret": {"create": True, "values": {"MYSQL_PASSWORD": "secret-in-values"}},
    "migration": {"existingSecret": "migrator"},
    "spool": {"storageClass": "fast"},
    "ingress": {"enabled": True},
    "networkPolicy": {"from": [{"podSelector": {}}], "toPorts": [443, 6379], "egress": [{"to": [{"podSelector": {}}]}]},
    "service": {"type": "LoadBalancer", "annotations": {"cloud.example.com/internal": "true"}},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}, "keySecret": {"name": "metrics"}},
    "serviceAccount": {"name": "classifier", "annotations": {"a": "b"}},
    "podAnnotations": {"prometheus.io/scrape": "true"},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "only", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "extraVolumes": [{"name": "ca", "secret": {"secretName": "mysql-ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/srv/ca", "readOnly": True}],
}
ALL_OFF: dict[str, Any] = {
    "migration": {"enabled": False},
    "spool": {"persistent": False},
    "autoscaling": {"enabled": False},
    "networkPolicy": {"enabled": False},
    "serviceAccount": {"create": False},
}
FREE = {"settings", "resources", "podAnnotations", "nodeSelector", "affinity"}
SECTIONS = sorted(name for name, value in VALUES.items() if isinstance(value, dict) and name not in FREE)
CHOICES = {"defaults": {}, "all on": ALL_ON, "all off": ALL_OFF}


def render(values: dict[str, Any] | None = None, **options: Any) -> dict[str, str]:
    with helm.Chart.load(CHART) as chart:
        files: dict[str, str] = chart.render(values or {}, name="photos", namespace="prod", **options)
        return files


def objects(values: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    texts = [text for name, text in render(values).items() if name.endswith(".yaml")]
    return [one for text in texts for one in yaml.safe_load_all(text) if one]


def one(kind: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
    (found,) = [item for item in objects(values) if item["kind"] == kind and not is_hook(item)]
    return found


def is_hook(item: dict[str, Any]) -> bool:
    return "helm.sh/hook" in item["metadata"].get("annotations", {})


def migration_job(values: dict[str, Any]) -> dict[str, Any]:
    (found,) = [item for item in objects(values) if item["kind"] == "Job"]
    return found


def pod_of(item: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = item["spec"]["template"]["spec"]
    return spec
