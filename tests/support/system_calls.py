"""What strace saw: which files a program and its children wrote to, files without a name included."""

import re
from collections.abc import Sequence
from pathlib import Path

_CALLS = "open,openat,openat2,creat,memfd_create,write,writev,pwrite64,pwritev,pwritev2,sendfile,splice,copy_file_range"
_OPENED = re.compile(r"(?:open|openat|openat2|creat)\((.*)\)\s+= \d+<(.*?)>")
_FOR_WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE|creat\(")
_WRITTEN = re.compile(r"\b(?:write|writev|pwrite64|pwritev2?)\(\d+<(/[^>]*)>")


def tracer(strace: Sequence[str], output: Path) -> list[str]:
    """Return the head of a command that is to be traced. The traced program is the child of the caller, not strace."""
    return [*strace, "-D", "-f", "-y", "-qq", "-s", "16", "-e", f"trace={_CALLS}", "-o", str(output)]


def files_written(output: Path) -> set[str]:
    """Return the paths opened for writing or written to; pipes, sockets and terminals are no files."""
    paths = set()
    for line in output.read_text(errors="replace").splitlines():
        if "memfd_create(" in line:
            paths.add("memfd")
        opened = _OPENED.search(line)
        if opened and _FOR_WRITING.search(line):
            paths.add(opened[2])
        written = _WRITTEN.search(line)
        if written:
            paths.add(written[1])
    return paths
