"""Looks for known vulnerabilities of everything that is pinned, with pip-audit.

    .venv/bin/python -m scripts.audit

Fails on a vulnerability and on any trouble but one: where the service that knows them cannot be reached at all, it says
so and lets the rest of `make check` go on.
"""

import argparse
import ssl
import subprocess  # nosec B404  # runs pip-audit, on a command without a shell
import sys
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
_OSV = "https://api.osv.dev/v1/query"
_NOT_AUDITED = """\
NOT AUDITED: {url} cannot be reached from here ({reason}).
Known vulnerabilities of our packages were not looked for. Run `make check` where there is a network before a release.\
"""


def why_unreachable(url: str) -> str | None:
    """Return why nobody answers at an address; None where somebody does, whatever they say, or pretends to."""
    try:
        httpx.post(url, json={}, timeout=10)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        # A certificate that does not fit is somebody in the way, not nobody.
        return None if _is_about_tls(error) else type(error).__name__
    except httpx.TransportError:
        return None
    return None


def _is_about_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--osv-url", default=_OSV, help="the vulnerability service")
    parser.add_argument("--requirements", type=Path, default=ROOT / "requirements-dev.txt")
    arguments = parser.parse_args()
    reason = why_unreachable(arguments.osv_url)
    if reason is not None:
        print(_NOT_AUDITED.format(url=arguments.osv_url, reason=reason), file=sys.stderr)
        return
    # The list is complete and exact: nothing has to be resolved, and no package index is asked.
    options = ["--no-deps", "--disable-pip", "--strict", "--progress-spinner", "off"]
    service = ["--vulnerability-service", "osv", "--osv-url", arguments.osv_url]
    command = [sys.executable, "-m", "pip_audit", *options, *service, "--requirement", str(arguments.requirements)]
    ended = subprocess.run(command)  # noqa: S603  # nosec B603  # a list of our own, no shell
    sys.exit(ended.returncode)


if __name__ == "__main__":
    main()
