"""`doctor`: looks for what is wrong with a deployment, and names the setting or command that mends it."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from enum import IntEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.cli.doctor.configuration import examine_serving, examine_settings
from app.cli.doctor.finding import Finding
from app.cli.doctor.model import examine_models, not_asked
from app.cli.doctor.redis import examine_redis
from app.cli.doctor.replicas import examine_replicas
from app.cli.doctor.sign_in import examine_sign_in
from app.cli.doctor.storage import examine_database
from app.config import Settings
from app.utils.clock import Clock, utc_now

_SAID = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "failed": "[red]failed[/]"}


class Exit(IntEnum):
    """What a script learns. 2 is typer's: the command line was wrong."""

    WELL = 0
    FAILED = 1
    WARNED = 3


def doctor(
    ask: Annotated[bool, typer.Option("--ask", help="Ask each model one question, which is paid for.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write a JSON list instead of a table.")] = False,
) -> None:
    """Look for what is wrong with this deployment: settings, keys for sign-in, database, clock, spool, proxy and, with
    --ask, the models.

    It changes nothing. Exit codes: 0 all is well, 1 something failed, 2 wrong command line, 3 there are warnings.
    """
    findings = asyncio.run(examine(ask=ask))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        _show(findings)
    states = {finding.state for finding in findings}
    raise typer.Exit(Exit.FAILED if "failed" in states else Exit.WARNED if "warning" in states else Exit.WELL)


async def examine(*, ask: bool, clock: Clock = utc_now) -> list[Finding]:
    """Look at everything, and return what was found in the order in which it should be mended."""
    settings, findings = examine_settings()
    if settings is None:
        return findings
    findings += examine_serving(settings)
    findings += await examine_sign_in(settings)
    try:
        findings += await examine_database(settings, clock)
    except (OSError, sqlite3.Error) as error:
        findings.append(Finding("database", "failed", f"{settings.sqlite_path}: {error}", "SQLITE_PATH"))
    findings += await examine_replicas(settings)
    return [*findings, *await examine_redis(settings), *await _examine_models(settings, ask=ask)]


async def _examine_models(settings: Settings, *, ask: bool) -> list[Finding]:
    return await examine_models(settings) if ask else [not_asked(settings)]


def _show(findings: Sequence[Finding]) -> None:
    table = Table("", "what", "how it is", "what mends it", show_lines=True)
    for finding in findings:
        table.add_row(_SAID[finding.state], finding.check, finding.said, finding.mend)
    Console().print(table)
