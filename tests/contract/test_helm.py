"""The chart: rendered and linted by Helm's own engine, and valid by Kubernetes' schemas."""

from pathlib import Path
from typing import Any, get_args, get_type_hints

import kubernetes_validate
import pytest
import yaml
from pydantic import SecretStr

from app.config import Settings
from app.version import VERSION
from tests.contract.test_deployment import ROOT, gunicorn  # noqa: F401  # a fixture

helm = pytest.importorskip("helm_python", reason="its engine comes as a wheel for the commonest machines alone")

CHART = ROOT / "deploy/helm"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
ALL_ON: dict[str, Any] = {
    "imagePullSecrets": [{"name": "registry"}],
    "settings": {"LLM_TIMEOUT": "60", "MYSQL_PORT": "3307", "MYSQL_HOST": "a,b"},
    "secret": {"create": True, "values": {"MYSQL_PASSWORD": "secret-in-values"}},
    "migration": {"existingSecret": "migrator"},
    "spool": {"storageClass": "fast"},
    "ingress": {"enabled": True},
    "networkPolicy": {"from": [{"podSelector": {}}], "toPorts": [443, 6379], "egress": [{"to": [{"podSelector": {}}]}]},
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


@pytest.mark.parametrize("version", ["1.32", "1.37"])
@pytest.mark.parametrize("choice", CHOICES)
def test_whatever_is_rendered_is_valid_by_kubernetes_own_schemas(choice: str, version: str) -> None:
    rendered = objects(CHOICES[choice])

    assert len(rendered) >= 4
    for item in rendered:
        kubernetes_validate.validate(item, version, strict=True)


@pytest.mark.parametrize("choice", CHOICES)
def test_helm_lint_finds_nothing(choice: str) -> None:
    report = helm.lint(CHART, CHOICES[choice], strict=True)

    assert report["errors"] == []
    assert [one for one in report["messages"] if one["severity"] > 1] == []


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replicas": 0}, "replicas"),
        ({"replica": 3}, "replica"),
        ({"settings": {"WEB_CONCURRENCY": 2}}, "WEB_CONCURRENCY"),
        ({"settings": {"MYSQL_PASSWORD": "in the open"}}, "MYSQL_PASSWORD"),
        ({"settings": {"web_concurrency": "2"}}, "web_concurrency"),
        ({"spool": {"size": "4"}}, "size"),
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


def test_no_secret_is_in_what_is_rendered_unless_it_was_asked_for() -> None:
    assert [item for item in objects() if item["kind"] == "Secret"] == []

    found = {path for path, text in render(ALL_ON).items() if "secret-in-values" in text}

    assert {path.rsplit("/", 1)[1] for path in found} == {"secret.yaml", "migrate.yaml"}


@pytest.mark.parametrize("choice", CHOICES)
def test_all_kinds_point_at_each_other(choice: str) -> None:
    values = CHOICES[choice]
    (workload,) = [item for item in objects(values) if item["kind"] in ("Deployment", "StatefulSet")]
    labels = workload["spec"]["template"]["metadata"]["labels"].items()

    assert workload["spec"]["selector"]["matchLabels"].items() <= labels
    assert one("Service", values)["spec"]["selector"].items() <= labels
    assert one("PodDisruptionBudget", values)["spec"]["selector"]["matchLabels"].items() <= labels
    others = {item["kind"]: item for item in objects(values)}
    if scaler := others.get("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        assert (target["kind"], target["name"]) == (workload["kind"], workload["metadata"]["name"])
        assert "replicas" not in workload["spec"]
    if policy := others.get("NetworkPolicy"):
        assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels
    if job := others.get("Job"):  # it needs MySQL alone, and must not be sent requests
        assert (
            not one("Service", values)["spec"]["selector"].items()
            <= job["spec"]["template"]["metadata"]["labels"].items()
        )
    sources = pod_of(workload)["containers"][0]["envFrom"]
    assert sources[0]["configMapRef"]["name"] == one("ConfigMap", values)["metadata"]["name"]


def test_what_waits_for_the_database_outlives_its_pod() -> None:
    workload = one("StatefulSet")
    (claim,) = workload["spec"]["volumeClaimTemplates"]
    mounts = {mount["name"]: mount["mountPath"] for mount in pod_of(workload)["containers"][0]["volumeMounts"]}

    assert mounts[claim["metadata"]["name"]] == f"/srv/{Settings.model_fields['spool_dir'].default}"
    assert set(workload["spec"]["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}


@pytest.mark.parametrize("choice", CHOICES)
def test_photos_are_never_on_a_disk_and_no_pod_gains_rights(choice: str) -> None:
    for item in objects(CHOICES[choice]):
        if "template" not in item.get("spec", {}):
            continue
        pod = pod_of(item)
        (container,) = pod["containers"]
        security, resources = container["securityContext"], container["resources"]
        assert (pod["automountServiceAccountToken"], pod["securityContext"]["runAsNonRoot"]) == (False, True)
        assert (security["allowPrivilegeEscalation"], security["readOnlyRootFilesystem"]) == (False, True)
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert resources["requests"]["memory"] == resources["limits"]["memory"]  # such a pod is never swapped
        on_disk = [
            one["name"] for one in pod.get("volumes", []) if one.get("emptyDir", {}).get("medium", "") != "Memory"
        ]
        assert set(on_disk) - {"spool", "ca"} == set()


def test_the_tables_are_migrated_before_pods_are_replaced_and_with_the_same_settings() -> None:
    job = migration_job(ALL_ON)
    (migrate,) = pod_of(job)["containers"]
    made_before = {item["kind"]: item for item in objects(ALL_ON) if is_hook(item) and item is not job}

    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert migrate["command"][:4] == ["python", "-m", "app.cli", "migrate"]
    assert made_before["ConfigMap"]["data"] == one("ConfigMap", ALL_ON)["data"]
    assert made_before["Secret"]["stringData"] == one("Secret", ALL_ON)["stringData"]
    weights = {kind: int(item["metadata"]["annotations"]["helm.sh/hook-weight"]) for kind, item in made_before.items()}
    assert (weights["ConfigMap"], weights["Secret"]) == (-1, -1)
    assert job["metadata"]["annotations"]["helm.sh/hook-weight"] == "0"
    assert migrate["image"] == pod_of(one("StatefulSet", ALL_ON))["containers"][0]["image"]
    assert "serviceAccountName" not in pod_of(job)  # that of the release is not there yet


def test_the_migrations_own_user_goes_before_that_of_the_settings() -> None:
    (migrate,) = pod_of(migration_job(ALL_ON))["containers"]
    settings, service, migrator = migrate["envFrom"]  # of a name that several have, the last counts

    assert "env" not in migrate  # what is there counts before all of them
    assert settings == {"configMapRef": {"name": "photos-image-classifier-migrate"}}
    assert service == {"secretRef": {"name": "photos-image-classifier-migrate"}}
    assert migrator == {"secretRef": {"name": "migrator"}}


@pytest.mark.parametrize("llm_timeout", ["30", "60", "0.5"])
def test_a_pod_has_time_to_end_whatever_a_question_may_take(
    llm_timeout: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("LLM_TIMEOUT", llm_timeout)
    config = request.getfixturevalue("gunicorn")

    pod = pod_of(one("StatefulSet", {"settings": {"LLM_TIMEOUT": llm_timeout}}))

    wait = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert wait + config["graceful_timeout"] < pod["terminationGracePeriodSeconds"]


def test_pods_reach_the_database_where_the_settings_say_it_is() -> None:
    ports = [rule["port"] for rule in one("NetworkPolicy", ALL_ON)["spec"]["egress"][0]["ports"]]

    assert ports == [53, 53, 3307, 443, 6379]
    assert "from" not in one("NetworkPolicy")["spec"]["ingress"][0]


@pytest.mark.parametrize("choice", CHOICES)
def test_the_notes_say_what_there_is_to_do(choice: str) -> None:
    notes = render(CHOICES[choice], is_install=True)["image-classifier/templates/NOTES.txt"]

    assert "/api/v1/health" in notes
    assert ("lost with their pod" in notes) == (choice == "all off")
    assert "<no value>" not in notes


def test_pods_are_replaced_when_a_setting_changes() -> None:
    def annotations(values: dict[str, Any]) -> Any:
        return one("StatefulSet", values)["spec"]["template"]["metadata"]["annotations"]

    assert annotations({}) == annotations({"replicas": 3})
    assert annotations({}) != annotations({"settings": {"LOG_LEVEL": "DEBUG"}})


def test_the_chart_is_of_the_services_version_and_every_value_has_a_rule() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    schema = yaml.safe_load((CHART / "values.schema.json").read_text(encoding="utf-8"))

    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)
    assert set(schema["properties"]) - {"global"} == set(VALUES)
    assert Path(CHART / "README.md").exists()
