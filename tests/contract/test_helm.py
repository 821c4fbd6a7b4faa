"""The chart: rendered and linted by Helm's own engine, and valid by Kubernetes' schemas."""

from typing import Any

import kubernetes_validate
import pytest

from app.config import Settings
from tests.contract.test_deployment import gunicorn  # noqa: F401  # a fixture
from tests.support.helm_chart import ALL_ON, CHART, CHOICES, helm, is_hook, migration_job, objects, one, pod_of, render


@pytest.mark.parametrize("version", ["1.32", "1.37"])
@pytest.mark.parametrize("choice", CHOICES)
def test_whatever_is_rendered_is_valid_by_kubernetes_own_schemas(choice: str, version: str) -> None:
    rendered = objects(CHOICES[choice])

    assert len(rendered) >= 4
    for item in rendered:
        if item["kind"] != "ServiceMonitor":  # the operator's own kind
            kubernetes_validate.validate(item, version, strict=True)


@pytest.mark.parametrize("choice", CHOICES)
def test_helm_lint_finds_nothing(choice: str) -> None:
    report = helm.lint(CHART, CHOICES[choice], strict=True)

    assert report["errors"] == []
    assert [one for one in report["messages"] if one["severity"] > 1] == []


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
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
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


def test_pods_are_spread_over_nodes_and_zones() -> None:
    pod = pod_of(one("StatefulSet"))
    spread = {rule["topologyKey"]: rule["whenUnsatisfiable"] for rule in pod["topologySpreadConstraints"]}

    assert spread == dict.fromkeys(("kubernetes.io/hostname", "topology.kubernetes.io/zone"), "ScheduleAnyway")


def test_a_pod_that_is_not_ready_does_not_keep_a_node_from_being_emptied() -> None:
    assert one("PodDisruptionBudget")["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


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
