"""What can be said of the settings without asking anybody."""

import os
from collections.abc import Iterator

from app.cli.doctor.finding import Finding, State
from app.config import CommandSettings, Settings, read_settings
from app.storage_check import PlaceRefused, check_files


def examine_settings() -> tuple[Settings | None, list[Finding]]:
    """Read the settings; return them, as far as a command needs them, with what is wrong with them."""
    settings, reasons = read_settings()
    findings = [Finding("settings", "failed", reason, "mend it in .env or the environment") for reason in reasons]
    if settings is None:
        settings, _ = read_settings(CommandSettings)
    return settings, findings or [Finding("settings", "ok", "every variable has a value that can be used")]


def examine_serving(settings: Settings) -> Iterator[Finding]:
    """Say what the settings mean for a service that others reach."""
    yield _examine_statistics(settings)
    yield _examine_files(settings)
    yield _examine_workers(settings)


def workers_of(settings: Settings) -> int:
    """Return how many worker processes gunicorn starts on this machine."""
    return settings.web_concurrency or os.cpu_count() or 1


def _examine_statistics(settings: Settings) -> Finding:
    if settings.guards_statistics:
        return Finding("statistics", "ok", "are for operators alone")
    said = "whoever reaches the service reads its statistics and everybody's records"
    state: State = "failed" if settings.env == "production" else "warning"
    return Finding("statistics", state, said, "set ADMIN_API_KEYS or ADMIN_IP_ALLOWLIST")


def _examine_files(settings: Settings) -> Finding:
    try:
        check_files(settings)
    except PlaceRefused as error:
        return Finding("spool", "failed", str(error), "let this user write there, or name another place")
    return Finding("spool", "ok", "can be written to")


def _examine_workers(settings: Settings) -> Finding:
    workers = workers_of(settings)
    if settings.mysql_host is not None or workers == 1:
        return Finding("workers", "ok", f"gunicorn starts {workers}")
    said = f"gunicorn starts {workers}, which share one SQLite file and wait for each other to write"
    return Finding("workers", "warning", said, "set MYSQL_HOST, or WEB_CONCURRENCY=1")
