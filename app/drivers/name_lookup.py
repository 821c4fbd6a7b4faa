"""Looks the names of servers up, each in a thread of its own.

Event loops have few threads for that, and share them with what else waits: asyncio's own loop with the spool and with
hashing, uvloop with the look-ups of the model's name and of Redis'. A look-up that no name server answers holds its
thread for half a minute, whoever has given it up.
"""

import asyncio
import ipaddress
import socket
from concurrent.futures import Future
from functools import partial

from app.utils.threads import in_own_thread

_running: dict[str, Future[list[str]]] = {}


async def look_up(host: str) -> list[str]:
    """Return the addresses of a host, in the order in which they are to be tried. Raises OSError.

    How long it may take is the caller's to bound. Who comes while a name is looked up waits for the same thread: there
    are no more of them than names.
    """
    if _is_address(host):
        return [host]
    running = _running.get(host)
    if running is None:
        try:
            running = in_own_thread(partial(_addresses_of, host), "name look-up")
        except RuntimeError as error:  # no thread is to be had: the next one tries again
            raise OSError("no thread could be started") from error
        _running[host] = running
        running.add_done_callback(lambda _: _running.pop(host, None))
    return await asyncio.wrap_future(running)


def _addresses_of(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
