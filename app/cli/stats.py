"""`stats`: the statistics of the service in a terminal, or for a script."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.cli.ending import told_errors
from app.config import CommandSettings, Settings, load_settings
from app.container import build_stats
from app.services.model_statistics import ModelStatsService
from app.storage import open_storage
from app.utils.clock import isoformat_utc, utc_now

Figures = dict[str, Any]


def stats(
    days: Annotated[
        int, typer.Option(min=1, max=3650, help="How many days of questions to models, today included.")
    ] = 30,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many users and images.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object instead of tables.")] = False,
) -> None:
    """Show today's requests, what the cache has saved, the models, the users and the images asked for most.

    Exit codes: 0 done, 1 failed, 2 wrong command line.
    """
    with told_errors("stats"):
        figures = asyncio.run(_collect(load_settings(CommandSettings), days, limit))
    if as_json:
        typer.echo(json.dumps(figures, default=_plain, ensure_ascii=False))
    else:
        _show(Console(), figures)


async def _collect(settings: Settings, days: int, limit: int) -> Figures:
    async with open_storage(settings, migrate=False) as storage:
        service = build_stats(settings, storage, utc_now)
        models = ModelStatsService(storage.models, settings.prices, settings.timezone, utc_now)
        return {
            "today": asdict(await service.summarize_today()),
            "cache": asdict(await service.summarize_cache()),
            "tokens": asdict(await service.summarize_tokens()),
            "categories": [asdict(row) for row in await service.distribute_categories()],
            "models": asdict(await models.summarize(days)),
            "users": [asdict(row) for row in await service.rank_users(limit)],
            "images": [asdict(row) for row in await service.rank_images(limit)],
        }


def _show(console: Console, figures: Figures) -> None:
    models = figures["models"]
    console.print(_pairs("Today", figures["today"]))
    console.print(_pairs("The cache, since the beginning", figures["cache"]))
    console.print(_rows("Today's categories", figures["categories"]))
    columns = ("provider", "model", "lane", "calls", "input_tokens", "output_tokens", "cost", "avg_duration_ms")
    questions = [{name: row[name] for name in columns} for row in models["models"]]
    console.print(_rows(f"Questions to models, {models['days']} days in {models['timezone']}", questions))
    console.print(_rows("Users", figures["users"]))
    console.print(_rows("Images", figures["images"]))


def _pairs(title: str, values: Figures) -> Table:
    table = Table("what", "how much", title=title, title_justify="left")
    for name, value in values.items():
        table.add_row(name.replace("_", " "), str(value))
    return table


def _rows(title: str, rows: Sequence[Figures]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in rows[0] if rows else ():
        table.add_column(name.replace("_", " "), overflow="fold")  # a hash that is cut off is none to correct by
    for row in rows:
        table.add_row(*(str(_plain(value)) for value in row.values()))
    if not rows:
        table.add_column("none yet")
    return table


def _plain(value: object) -> object:
    return isoformat_utc(value) if isinstance(value, datetime) else value
