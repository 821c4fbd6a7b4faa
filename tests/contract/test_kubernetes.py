"""The manifests: valid by Kubernetes' own schemas, and with the limits of the other deployments."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app.config import Settings
from tests.contract.test_deployment import NGINX, ROOT, gunicorn  # noqa: F401  # a fixture

FOLDER = ROOT / "deploy/kubernetes"
FILES = sorted(FOLDER.glob("*.yaml"))


def manifests(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def manifest(kind: str) -> dict[str, Any]:
    (found,) = [item for path in FILES for item in manifests(path) if item["kind"] == kind]
    return found


@pytest.fixture
def pod() -> dict[str, Any]:
    spec: dict[str, Any] = manifest("Deployment")["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("version", ["1.32", "1.37"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_manifest_is_valid_by_kubernetes_own_schemas(path: Path, version: str) -> None:
    for item in manifests(path):
        kubernetes_validate.validate(item, version, strict=True)


def test_the_schemas_refuse_a_field_that_does_not_exist(pod: dict[str, Any]) -> None:
    deployment = manifest("Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, "1.37", strict=True)


def test_all_kinds_are_there_and_point_at_each_other(pod: dict[str, Any]) -> None:
    labels = manifest("Deployment")["spec"]["template"]["metadata"]["labels"]
    (rule,) = manifest("Ingress")["spec"]["rules"]
    scaled = manifest("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]

    assert manifest("Deployment")["spec"]["selector"]["matchLabels"] == labels
    assert manifest("Service")["spec"]["selector"] == labels
    assert manifest("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    assert rule["http"]["paths"][0]["backend"]["service"]["name"] == manifest("Service")["metadata"]["name"]
    assert (scaled["kind"], scaled["name"]) == ("Deployment", manifest("Deployment")["metadata"]["name"])
    sources = pod["containers"][0]["envFrom"]
    assert sources[0]["configMapRef"]["name"] == manifest("ConfigMap")["metadata"]["name"]
    assert sources[1]["secretRef"]["name"] == manifest("Secret")["metadata"]["name"]


def test_every_variable_is_a_setting_and_no_secret_has_a_value() -> None:
    names = {*manifest("ConfigMap")["data"], *manifest("Secret")["stringData"]}

    assert {name for name in names if name.lower() not in Settings.model_fields} == set()
    assert set(manifest("Secret")["stringData"].values()) == {""}


def test_a_pod_is_restarted_by_live_and_served_by_health(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]

    assert container["livenessProbe"]["httpGet"]["path"] == "/api/v1/health/live"
    assert container["readinessProbe"]["httpGet"]["path"] == "/api/v1/health"


def test_tables_are_migrated_with_the_settings_and_the_image_of_the_service(pod: dict[str, Any]) -> None:
    job = manifest("Job")["spec"]["template"]["spec"]
    (migrate,) = job["containers"]
    (api,) = pod["containers"]

    assert migrate["command"] == ["python", "-m", "app.cli", "migrate"]
    assert (migrate["image"], migrate["envFrom"]) == (api["image"], api["envFrom"])
    assert migrate["securityContext"] == api["securityContext"]
    assert job["securityContext"]["runAsNonRoot"] is True


def test_a_pod_ends_in_order(pod: dict[str, Any], gunicorn: dict[str, Any]) -> None:  # noqa: F811
    wait = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])

    assert wait + gunicorn["graceful_timeout"] < pod["terminationGracePeriodSeconds"]


def test_a_pod_gains_no_rights_and_writes_nowhere_but_to_its_spool(pod: dict[str, Any]) -> None:
    security = pod["containers"][0]["securityContext"]
    on_disk = [volume["name"] for volume in pod["volumes"] if volume["emptyDir"].get("medium") != "Memory"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert (security["allowPrivilegeEscalation"], security["readOnlyRootFilesystem"]) == (False, True)
    assert on_disk == ["spool"]


def test_the_ingress_has_the_limits_of_the_proxy() -> None:
    annotations = manifest("Ingress")["metadata"]["annotations"]

    for directive in ("client_max_body_size", "client_body_buffer_size", "proxy_max_temp_file_size"):
        assert f"{directive} {annotations['nginx.org/' + directive.replace('_', '-')]};" in NGINX
    for directive in ("proxy_read_timeout", "proxy_connect_timeout"):
        assert f"{directive} {annotations['nginx.org/' + directive.replace('_', '-')]};" in NGINX
