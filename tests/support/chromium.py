"""Which Chromium the tests run."""

import os
import shutil

_NAMES = ("chromium", "google-chrome")


class NoChromium(Exception):
    """There is no Chromium on the PATH, and nobody has said that there is."""


def chromium_program() -> str:
    """Return the path of the browser: what `CHROMIUM` names, else the first that is on the PATH.

    Raises NoChromium, for which tests are skipped, and FileNotFoundError where what was named is not there: whoever
    names a browser wants its tests to be run.
    """
    named = os.environ.get("CHROMIUM")
    for name in [named] if named else _NAMES:
        if found := shutil.which(name):
            return found
    if named:
        raise FileNotFoundError(f"CHROMIUM={named} is no program")
    raise NoChromium
