"""What it costs to decode in a process that can be ended, beside a thread of this one, in alternating rounds.

    .venv/bin/python -m bench.decoding [--images 40]

The same photos (2 and 12 megapixels) are prepared by the same function: in a thread, as it was once done, and in a
process of its own. One at a time, so that the differences are what a miss waits longer.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from io import BytesIO

from PIL import Image

from app.services.images.build import LARGEST_BYTES
from app.services.images.decoding_pool import DecodingPool
from app.services.images.decoding_server import DecodingServer
from app.services.images.memory_budget import MemoryBudget
from app.services.images.wire import Job
from app.utils.deadline import Deadline
from app.utils.image_utils import prepare_image

ROUNDS = 7
JOB = Job(("GIF", "JPEG", "PNG", "WEBP"), 50_000_000, 512, cpu_seconds=5, wall_seconds=30)
PHOTOS = {"2 MP": ((1632, 1224), 80), "12 MP": ((4032, 3024), 80)}


def make_photo(size: tuple[int, int], quality: int) -> bytes:
    """Return a JPEG with as much detail as a photo has."""
    coarse = Image.frombytes("RGB", (size[0] // 5, size[1] // 5), os.urandom(size[0] // 5 * (size[1] // 5) * 3))
    output = BytesIO()
    coarse.resize(size, Image.Resampling.BICUBIC).save(output, "JPEG", quality=quality)
    return output.getvalue()


async def timed(call: Callable[[], Awaitable[object]], times: int) -> tuple[float, float]:
    """Return the median milliseconds of a call, and the milliseconds of this process's processor."""
    taken, cpu = [], time.process_time()
    for _ in range(times):
        started = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken), (time.process_time() - cpu) * 1000 / times


async def compare(images: int) -> None:
    server = DecodingServer(frozenset(JOB.formats))
    pool = DecodingPool(server, MemoryBudget(LARGEST_BYTES), places=2, queue_length=64)
    try:
        for name, (size, quality) in PHOTOS.items():
            photo = make_photo(size, quality)

            async def in_a_thread(photo: bytes = photo) -> object:
                return await asyncio.to_thread(prepare_image, photo, JOB.limits, JOB.max_side)

            async def in_a_process(photo: bytes = photo) -> object:
                return await pool.prepare(JOB, photo, Deadline.after(30))

            await timed(in_a_thread, 3)
            await timed(in_a_process, 3)
            rounds = []
            for _ in range(ROUNDS):
                thread, process = await timed(in_a_thread, images), await timed(in_a_process, images)
                rounds.append((thread[0], process[0], process[0] - thread[0], thread[1], process[1]))
            middle = [statistics.median(values) for values in zip(*rounds, strict=True)]
            print(
                f"{name}, {len(photo) // 1000} KB: thread {middle[0]:.1f} ms, process {middle[1]:.1f} ms, "
                f"difference {middle[2]:.1f} ms (rounds {min(r[2] for r in rounds):.1f} to "
                f"{max(r[2] for r in rounds):.1f}); processor time of the worker {middle[3]:.1f} and {middle[4]:.1f} ms"
            )
    finally:
        await server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=40, help="images of each kind in a round")
    asyncio.run(compare(parser.parse_args().images))


if __name__ == "__main__":
    main()
