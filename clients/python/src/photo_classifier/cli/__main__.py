"""`python -m photo_classifier.cli`, and the command `classify-photos`."""

import sys


def main() -> None:
    """Run the command. Where its libraries are missing, say how to get them."""
    try:
        import typer

        from photo_classifier.cli.command import classify_photos
    except ImportError as error:
        sys.exit(f"classify-photos needs more: pip install 'photo-classifier-client[cli]' ({error})")
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(classify_photos)
    app(prog_name="classify-photos")


if __name__ == "__main__":
    main()
