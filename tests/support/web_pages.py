"""The pages, as their sources stand, with the tools that build them."""

import shutil
from pathlib import Path

from tests.support.npm_packages import cache_of_one, installed_packages, sources_in, version_of
from tests.support.service_process import ROOT
from tests.support.typescript_client import SOURCE as CLIENT

SOURCE = ROOT / "web"
BUILT = ROOT / "app/web/static/pages"


def pages_source() -> Path:
    """Return a copy of `web` outside the repository, with its tools and the client that it is built of.

    Raises RuntimeError where it cannot be had: without Node, npm, or a registry that can be reached.
    """
    with cache_of_one() as cache:
        of_client = [*sources_in(CLIENT / "src", ()), CLIENT / "tsconfig.json", CLIENT / "package.json"]
        sources = [*sources_in(SOURCE, ("node_modules",)), *of_client]
        folder = cache / "pages" / version_of(sources, ROOT)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            for path in sources:
                copy = folder / path.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copy)
            (folder / "web/node_modules").symlink_to(installed_packages(cache, "pages", SOURCE))
            (folder / "complete").touch()
    return folder / "web"
