"""A client in a process of its own that prints lines of JSON as it goes."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any


class ClientProcess:
    """What it has printed so far, and its stdin."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[dict[str, Any]] = []

    @classmethod
    @asynccontextmanager
    async def running(cls, folder: Path, script: str, **order: object) -> AsyncIterator["ClientProcess"]:
        """Run a script of the client's with its order as JSON; kill it at the end of the block if it still runs."""
        process = await asyncio.create_subprocess_exec(
            "node",
            str(folder / "test/service" / script),
            json.dumps(order),
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield cls(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def until(self, is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the next line of that kind."""
        while True:
            line = await self._next()
            assert line is not None, self.lines
            if is_it(line):
                return line

    async def step(self, name: str, state: str) -> dict[str, Any]:
        """Return the next step of that name and state."""
        return await self.until(lambda line: line.get("name") == name and line.get("state") == state)

    async def say(self, line: str) -> None:
        """Write a line to its stdin."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()

    async def end(self) -> list[dict[str, Any]]:
        """Return the outcomes of all photos when it has ended."""
        while await self._next() is not None:
            pass
        assert self._process.stderr is not None
        errors = (await self._process.stderr.read()).decode()
        assert await self._process.wait() == 0, errors
        return [line for line in self.lines if "answer" in line or line.keys() == {"code"}]

    async def _next(self) -> dict[str, Any] | None:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 60)
        if not line:
            return None
        self.lines.append(json.loads(line))
        return self.lines[-1]
