"""How much is decoded at a time: by cores, by memory, by what the container may use."""

from pathlib import Path

import pytest

from app.services.images.build import LARGEST_BYTES, MIB, decoding_memory, image_places
from app.utils.machine import memory_bytes


@pytest.mark.parametrize(
    ("cores", "processes", "places"), [(8, 1, 4), (2, 1, 2), (8, 8, 2), (16, 4, 4), (2, 8, 2), (64, 2, 4), (12, 4, 3)]
)
def test_all_processes_together_decode_about_an_image_a_core_and_one_of_them_never_many(
    cores: int, processes: int, places: int
) -> None:
    assert image_places(cores, processes) == places


def test_large_images_get_what_the_processes_leave_of_the_memory() -> None:
    assert decoding_memory(2048 * MIB, cores=8, processes=4) == 1024 * MIB
    assert decoding_memory(2048 * MIB, cores=2, processes=4) == 2 * LARGEST_BYTES  # no more than there are cores for
    assert decoding_memory(512 * MIB, cores=2, processes=4) == LARGEST_BYTES  # the largest is always possible


@pytest.mark.parametrize(
    ("line", "limits", "expected"),
    [
        ("0::/", {"sys/fs/cgroup/memory.max": "2147483648"}, 2**31),
        ("0::/a/b", {"sys/fs/cgroup/a/b/memory.max": "max", "sys/fs/cgroup/a/memory.max": "1073741824"}, 2**30),
        ("4:memory:/x", {"sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912"}, 2**29),
        ("9:cpu:/x", {"sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912"}, None),
        ("0::/", {"sys/fs/cgroup/memory.max": "max"}, None),
    ],
)
def test_a_containers_limit_of_memory_is_found_wherever_it_is(
    tmp_path: Path, line: str, limits: dict[str, str], expected: int | None
) -> None:
    without_limit = memory_bytes(tmp_path)
    for name, text in {"proc/self/cgroup": line + "\n", **limits}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    assert memory_bytes(tmp_path) == (expected or without_limit)
