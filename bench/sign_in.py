"""What a user's token costs a worker beside a key: processor time per request, as a ratio.

    .venv/bin/python -m bench.sign_in [--users 1000] [--rounds 7] [--connections 64]

Real MySQL, one gunicorn worker each, check-cache hits in the worker's memory, each durably recorded. One service has a
key, by which as many users are named, the other takes their tokens; they take turns within each round, and the ratios'
median counts. Needs `wrk` (Debian: apt-get install wrk).

`--new` measures instead, in this process, what it takes to verify tokens that were not seen before, how long that keeps
the event loop's thread in one turn where 300 come at once, and what it takes to admit a known token and a key.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx

from app.container import open_container
from app.services.access.keys import Access, KeyRing
from bench.loads import Load, fill, hash_script, known_hashes, one_worker, require_wrk, send
from bench.processor_time import Subject, describe_machine, measure
from tests.conftest import make_settings
from tests.support.issuer import AUDIENCE, ISSUER, ec_key, rsa_key
from tests.support.mysql_server import provision

_KEY = "a-key-for-the-apps-7f3a9c51"
_PATH = "/api/v1/classify/check-cache"
_IN_MEMORY = 5_000
_HEAD_BYTES = 1_000
"""Of the credential and what fills it up."""


def write_load(folder: Path, name: str, lines: Sequence[str], users: int) -> Load:
    """Write a script that shows one of these credentials with each request, and names one of so many users."""
    hashes = hash_script(folder, name, known_hashes(_IN_MEMORY), users)
    (folder / f"{name}.credentials").write_text("\n".join(lines), encoding="ascii")
    script = hashes.read_text(encoding="utf-8")
    longest = max(map(len, lines))
    # Heads of one size: what wrk takes to make them is not ours, and decides how many share a commit.
    pad = f'headers["X-Padding"] = string.rep("x", {_HEAD_BYTES - longest})\n'
    show = 'headers["Authorization"] = "Bearer " .. credentials[math.random(#credentials)]\n  return wrk.format'
    script = script.replace("return wrk.format", show, 1)
    read = f'for line in io.lines("{folder / name}.credentials") do credentials[#credentials + 1] = line end\n'
    hashes.write_text(f"local credentials = {{}}\n{read}{script}{pad}", encoding="utf-8")
    return Load(name, _PATH, "", hashes, remembering=True)


def compare(arguments: argparse.Namespace) -> None:
    """Print the ratio of a token's cost to a key's."""
    require_wrk()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = provision()
        stack.callback(server.stop)
        (folder / "key.pem").write_bytes(rsa_key().pem())
        fill(server, "image_classifier_bench_sign_in", _IN_MEMORY)
        settings = server.settings("image_classifier_bench_sign_in")
        signs_in = {"auth_public_key": folder / "key.pem", "auth_issuer": ISSUER, "auth_audience": AUDIENCE}
        tokens = [rsa_key().token(f"user-{number}") for number in range(arguments.users)]
        subjects = []
        for name, own, credentials in (("key", {"api_keys": _KEY}, [_KEY]), ("token", signs_in, tokens)):
            service = stack.enter_context(one_worker({**settings, **own}))
            for credential in credentials:  # each token is verified before anything is measured
                headers = {"Authorization": f"Bearer {credential}"}
                httpx.post(service.url + _PATH, json={"image_hash": "0" * 64}, headers=headers).raise_for_status()
            subjects.append((Subject(name, service, service), write_load(folder, name, credentials, arguments.users)))
        print(f"{describe_machine()}; MySQL {server.version}, {arguments.users} users, {arguments.rounds} rounds")
        for subject, load in subjects:
            send(load.script, subject.url(load), arguments.connections, 3)  # warm
        costs: dict[str, list[float]] = {"key": [], "token": []}
        for number in range(arguments.rounds):
            for subject, load in subjects if number % 2 == 0 else reversed(subjects):
                costs[subject.name].append(measure(subject, load, None, arguments.connections, 3).worker)
        ratios = [token / key for token, key in zip(costs["token"], costs["key"], strict=True)]
        print(*(f"{name}: {statistics.median(values):.0f} us a request" for name, values in costs.items()), sep="\n")
        print(f"token / key: {statistics.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})")


async def admit(access: Access, credentials: Sequence[bytes]) -> float:
    """Return the seconds of processor time that it takes to admit who shows one of these: the least of nine rounds."""
    rounds = []
    for _ in range(9):
        started = time.thread_time()
        for credential in credentials:
            await access.admit(credential)
        rounds.append((time.thread_time() - started) / len(credentials))
    return min(rounds)


async def verify_new(folder: Path) -> None:
    """Print what a new token takes, and how long the event loop stands still while 300 of them come at once."""
    for key in (rsa_key(), ec_key()):
        (folder / "key.pem").write_bytes(key.pem())
        values: dict[str, Any] = {"auth_issuer": ISSUER, "auth_audience": AUDIENCE, "llm_provider": "local"}
        places = {"sqlite_path": folder / "bench.db", "spool_dir": folder, "auth_public_key": folder / "key.pem"}
        async with open_container(make_settings(**values, **places)) as container:
            await container.access.sign_in(key.token("warm").encode())
            tokens = [key.token(f"user-{number}").encode() for number in range(300)]
            longest, ended = 0.0, asyncio.Event()

            async def watch(ended: asyncio.Event = ended) -> None:
                nonlocal longest
                last = time.thread_time()  # what others take on a busy machine is not ours
                while not ended.is_set():
                    await asyncio.sleep(0)
                    now = time.thread_time()
                    longest, last = max(longest, now - last), now

            watching = asyncio.create_task(watch())
            await asyncio.sleep(0)
            started = time.thread_time()
            await asyncio.gather(*map(container.access.sign_in, tokens))
            each = (time.thread_time() - started) / len(tokens)
            ended.set()
            await watching
            known = await admit(container.access, tokens)
            by_key = await admit(Access(KeyRing((sha256(_KEY.encode()).digest(),))), [_KEY.encode()] * len(tokens))
            print(
                f"{key.algorithm}: a new token {each * 1e6:.0f} us, 300 at once hold the loop up for "
                f"{longest * 1e3:.1f} ms; a known one {known * 1e6:.1f} us, a key {by_key * 1e6:.1f} us"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--new", action="store_true", help="measure the verification of new tokens instead")
    arguments = parser.parse_args()
    if not arguments.new:
        return compare(arguments)
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(verify_new(Path(folder)))


if __name__ == "__main__":
    main()
