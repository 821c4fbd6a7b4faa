"""The TypeScript client, built outside the repository by the exact tools that its lock file names."""

import shutil
from pathlib import Path

from tests.support.npm_packages import cache_of_one, installed_packages, run_in, sources_in, version_of
from tests.support.service_process import ROOT

SOURCE = ROOT / "clients/typescript"
_NOT_SOURCE = ("node_modules", "dist", "build")


def built_client() -> Path:
    """Return a folder with the client, its tools and `dist`, made once for each state of its files.

    Raises RuntimeError where it cannot be had: without Node, npm, or a registry that can be reached.
    """
    with cache_of_one() as cache:
        folder = cache / "typescript" / version_of(sources_in(SOURCE, _NOT_SOURCE), SOURCE)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns(*_NOT_SOURCE))
            (folder / "node_modules").symlink_to(installed_packages(cache, "typescript", SOURCE))
            run_in(folder, "npm", "run", "build")
            (folder / "complete").touch()
    return folder
