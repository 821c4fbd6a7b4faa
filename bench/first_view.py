"""How long somebody waits for the first view of `/`, on a machine whose cores are all busy.

    .venv/bin/python -m bench.first_view [--rounds 20] [--busy 2] [--page dashboard]

The service is what `make run` starts. Each round opens the page in a browser's profile that has nothing yet, so that
every file comes over the network, while as many processes as `--busy` says do nothing but take a core. From the
beginning of the navigation: the first text on the screen (first contentful paint), and the document with its script
run (DOMContentLoaded). The worst of all rounds is asked to be below a second.
Needs Chromium on the PATH, or where `CHROMIUM` says.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.async_api import Browser

from bench.processor_time import describe_machine
from tests.support.service_process import running_service
from tests.support.web_browser import open_tab, running_browser

_TIMES = """() => new Promise((resolve) => {
  const observer = new PerformanceObserver((list) => {
    const painted = list.getEntriesByName("first-contentful-paint")[0];
    if (!painted) return;
    observer.disconnect();
    const navigation = performance.getEntriesByType("navigation");
    const files = performance.getEntriesByType("resource").concat(navigation);
    resolve([
      painted.startTime,
      navigation[0].domContentLoadedEventEnd,
      files.reduce((sum, file) => sum + file.transferSize, 0),
    ]);
  });
  observer.observe({ type: "paint", buffered: true });
})"""
_WARM_ROUNDS = 2


@contextmanager
def busy_cores(number: int) -> Iterator[None]:
    """Take so many cores, as far as others leave them, until the end of the block."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


async def first_view(browser: Browser, address: str) -> tuple[float, float, float]:
    """Open a page in a new profile; return both times in milliseconds, and the bytes that came."""
    async with open_tab(browser, address) as tab:
        painted, ready, size = await tab.page.evaluate(_TIMES)
    return painted, ready, size


async def measure(address: str, rounds: int, busy: int) -> None:
    async with running_browser() as browser:
        for _ in range(_WARM_ROUNDS):  # the browser's own first page is not ours
            await first_view(browser, address)
        with busy_cores(busy):
            seen = [await first_view(browser, address) for _ in range(rounds)]
    for name, times in zip(("first contentful paint", "DOM ready"), list(zip(*seen, strict=True))[:2], strict=True):
        print(f"| {name} | {statistics.median(times):.0f} | {max(times):.0f} |")
    print(f"\n{rounds} times, {busy} busy processes, {seen[0][2] / 1000:.0f} KB each", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--busy", type=int, default=os.cpu_count())
    parser.add_argument("--page", choices=["", "dashboard", "docs"], default="")
    arguments = parser.parse_args()
    print(f"{describe_machine()}\n")
    print("| `/` | median, ms | worst, ms |".replace("/", f"/{arguments.page}"))
    print("| --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as service:
        asyncio.run(measure(f"{service.url}/{arguments.page}", arguments.rounds, arguments.busy))


if __name__ == "__main__":
    main()
