"""Writes deploy/kubernetes from the chart, for those who install without Helm: one truth, in two forms.

.venv/bin/python -m scripts.kubernetes_manifests

Helm's engine is there as a wheel for x86-64 on Linux alone: elsewhere this does nothing but say so.
"""

import importlib.util
from itertools import pairwise
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
CHART = ROOT / "deploy/helm"
FOLDER = ROOT / "deploy/kubernetes"
_NAME = "image-classifier"
_PARTS = ("serviceaccount", "configmap", "service", "workload", "autoscaling", "poddisruptionbudget", "networkpolicy")
# What Helm alone knows what to do with, and what would be wrong as soon as somebody changes a setting by hand.
_OF_HELM = ("helm.sh/", "app.kubernetes.io/managed-by: ", "checksum/", "# So that pods are replaced when")
_HEAD = "# Rendered from deploy/helm by `make docs`, with the values.yaml beside this file.\n"
_SERVICE = "# All but the Secret and MySQL. What to change for your cluster: README.md.\n"
_MIGRATION = "# Brings the tables of MySQL up to date, then ends.\n"


def has_engine() -> bool:
    """Whether Helm's engine is installed."""
    return importlib.util.find_spec("helm_python") is not None


def render() -> dict[str, str]:
    """Return the text of each file, by its name."""
    import helm_python

    values = yaml.safe_load((FOLDER / "values.yaml").read_text(encoding="utf-8"))
    with helm_python.Chart.load(CHART) as chart:
        rendered: dict[str, str] = chart.render(values, name=_NAME, namespace="default")
    parts = {path.rsplit("/", 1)[1]: _without_helm(text) for path, text in rendered.items()}
    service = [parts[f"{part}.yaml"] for part in (*_PARTS, "ingress")]
    # The settings that Helm makes before the release for the migration are those that are there: one place to change.
    job = parts["migrate.yaml"].split("---\n")[-1]
    job = job.replace(f"configMapRef: {{name: {_NAME}-migrate}}", f"configMapRef: {{name: {_NAME}}}")
    return {
        "image-classifier.yaml": _HEAD + _SERVICE + "---\n".join(service),
        "migrate.yaml": _HEAD + _MIGRATION + job,
    }


def _without_helm(text: str) -> str:
    lines = [line.rstrip() for line in text.splitlines() if line.strip() and not line.strip().startswith(_OF_HELM)]
    return "".join(f"{one}\n" for one, two in pairwise([*lines, ""]) if not _is_empty_map(one, two))


def _is_empty_map(line: str, following: str) -> bool:
    """Whether nothing is left of the annotations that this line begins."""
    return line.strip() == "annotations:" and _indent(following) <= _indent(line)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def main() -> None:
    if not has_engine():
        print("deploy/kubernetes is left as it is: Helm's engine is not installed")
        return
    for name, text in render().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
