"""The manifests: those of the chart, valid by Kubernetes' own schemas, and with the limits of the other deployments."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app.config import Settings
from scripts import kubernetes_manifests
from tests.contract.test_deployment import NGINX, ROOT, gunicorn  # noqa: F401  # a fixture

FOLDER = ROOT / "deploy/kubernetes"
FILES = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "values.yaml")


def manifests(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def manifest(kind: str) -> dict[str, Any]:
    (found,) = [item for path in FILES for item in manifests(path) if item["kind"] == kind]
    return found


@pytest.fixture
def pod() -> dict[str, Any]:
    spec: dict[str, Any] = manifest("StatefulSet")["spec"]["template"]["spec"]
    return spec


@pytest.mark.skipif(not kubernetes_manifests.has_engine(), reason="Helm's engine is a wheel for the commonest machines")
def test_the_manifests_are_what_the_chart_renders() -> None:
    rendered = kubernetes_manifests.render()

    assert {name: (FOLDER / name).read_text(encoding="utf-8") for name in rendered} == rendered  # else: make docs
    assert {path.name for path in FILES} == {*rendered, "secret.example.yaml"}


def test_nothing_in_them_is_for_helm_alone() -> None:
    words = {"helm.sh", "managed-by", "checksum"}
    assert {word for word in words for path in FILES if word in path.read_text(encoding="utf-8")} == set()


@pytest.mark.parametrize("version", ["1.32", "1.37"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_manifest_is_valid_by_kubernetes_own_schemas(path: Path, version: str) -> None:
    for item in manifests(path):
        kubernetes_validate.validate(item, version, strict=True)


def test_the_schemas_refuse_a_field_that_does_not_exist(pod: dict[str, Any]) -> None:
    workload = manifest("StatefulSet")
    workload["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(workload, "1.37", strict=True)


def test_all_kinds_are_there_and_point_at_each_other(pod: dict[str, Any]) -> None:
    labels = manifest("StatefulSet")["spec"]["template"]["metadata"]["labels"]
    (rule,) = manifest("Ingress")["spec"]["rules"]
    scaled = manifest("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]

    selector = manifest("StatefulSet")["spec"]["selector"]["matchLabels"]
    assert selector.items() <= labels.items()
    assert manifest("Service")["spec"]["selector"] == selector
    assert manifest("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == selector
    assert manifest("NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == selector
    assert rule["http"]["paths"][0]["backend"]["service"]["name"] == manifest("Service")["metadata"]["name"]
    assert (scaled["kind"], scaled["name"]) == ("StatefulSet", manifest("StatefulSet")["metadata"]["name"])
    sources = pod["containers"][0]["envFrom"]
    assert sources[0]["configMapRef"]["name"] == manifest("ConfigMap")["metadata"]["name"]
    assert sources[1]["secretRef"]["name"] == manifest("Secret")["metadata"]["name"]


def test_every_variable_is_a_setting_and_no_secret_has_a_value() -> None:
    names = {*manifest("ConfigMap")["data"], *manifest("Secret")["stringData"]}

    assert {name for name in names if name.lower() not in Settings.model_fields} == set()
    assert set(manifest("Secret")["stringData"].values()) == {""}


def test_a_pod_is_restarted_by_live_and_served_when_it_is_ready(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]

    assert container["livenessProbe"]["httpGet"]["path"] == "/api/v1/health/live"
    assert container["readinessProbe"]["httpGet"]["path"] == "/api/v1/health/ready"


def test_tables_are_migrated_with_the_settings_and_the_image_of_the_service(pod: dict[str, Any]) -> None:
    job = manifest("Job")["spec"]["template"]["spec"]
    (migrate,) = job["containers"]
    (api,) = pod["containers"]

    assert migrate["command"][:4] == ["python", "-m", "app.cli", "migrate"]
    assert (migrate["image"], migrate["envFrom"]) == (api["image"], api["envFrom"])
    assert migrate["securityContext"] == api["securityContext"]
    assert job["securityContext"]["runAsNonRoot"] is True


def test_a_pod_ends_in_order(pod: dict[str, Any], gunicorn: dict[str, Any]) -> None:  # noqa: F811
    wait = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])

    assert wait + gunicorn["graceful_timeout"] < pod["terminationGracePeriodSeconds"]


def test_what_waits_for_the_database_outlives_its_pod(pod: dict[str, Any]) -> None:
    (claim,) = manifest("StatefulSet")["spec"]["volumeClaimTemplates"]

    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts[claim["metadata"]["name"]] == f"/srv/{Settings.model_fields['spool_dir'].default}"


def test_a_pod_gains_no_rights_and_writes_nowhere_but_to_its_spool(pod: dict[str, Any]) -> None:
    security = pod["containers"][0]["securityContext"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert (security["allowPrivilegeEscalation"], security["readOnlyRootFilesystem"]) == (False, True)
    assert [volume for volume in pod["volumes"] if volume["emptyDir"].get("medium") != "Memory"] == []


def test_the_ingress_has_the_limits_of_the_proxy() -> None:
    annotations = manifest("Ingress")["metadata"]["annotations"]

    for directive in ("client_max_body_size", "client_body_buffer_size", "proxy_max_temp_file_size"):
        assert f"{directive} {annotations['nginx.org/' + directive.replace('_', '-')]};" in NGINX
    for directive in ("proxy_read_timeout", "proxy_connect_timeout"):
        assert f"{directive} {annotations['nginx.org/' + directive.replace('_', '-')]};" in NGINX
