"""What operators do to a deployment from a terminal or a script. It needs no model.

`python -m app.cli` and, where the wheel is installed, `image-classifier-admin`.
"""

import typer
from loguru import logger

from app.cli.correct import correct
from app.cli.doctor.command import doctor
from app.cli.export import export
from app.cli.migrate import migrate
from app.cli.purge import purge
from app.cli.quality.command import quality
from app.cli.rebuild import rebuild
from app.cli.stats import stats

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command()(migrate)
app.command()(rebuild)
app.command()(doctor)
app.command()(export)
app.command()(stats)
app.command()(quality)
app.command()(correct)
app.command()(purge)


@app.callback()
def describe() -> None:
    """Commands for operators of the image classifier. Settings come from the environment or .env."""
    logger.remove()  # what a command has to say it prints


def main(name: str = "image-classifier-admin") -> None:
    """Run the command that the command line tells; `name` is what its help calls this program."""
    app(prog_name=name)


if __name__ == "__main__":
    main("python -m app.cli")
