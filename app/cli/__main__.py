"""`python -m app.cli`: what operators do to a deployment from a terminal or a script. It needs no model."""

import typer

from app.cli.doctor.command import doctor
from app.cli.migrate import migrate

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command()(migrate)
app.command()(doctor)


@app.callback()
def describe() -> None:
    """Commands for operators of the image classifier. Settings come from the environment or .env."""


if __name__ == "__main__":
    app(prog_name="python -m app.cli")
