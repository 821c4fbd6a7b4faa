"""Looks the names of servers up, each in a thread of its own.

Event loops have few threads for that, and share them with what else waits: asyncio's own loop with the spool and with
hashing, uvloop with the look-ups of the model's name and of Redis'. A look-up that no name server answers holds its
thread for half a minute, whoever has given it up.
"""

import asyncio
import ipaddress
import socket
import threading
from concurrent.futures import Future

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
        running = _running[host] = Future()
        running.set_running_or_notify_cancel()  # now one of several waiters that is cancelled ends it for no other
        try:
            # A daemon, which the end of the process does not wait for.
            threading.Thread(target=_run, args=(host, running), name="name look-up", daemon=True).start()
        except RuntimeError as error:  # no thread is to be had: the next one tries again
            del _running[host]
            raise OSError("no thread could be started") from error
    return await asyncio.wrap_future(running)


def _run(host: str, result: Future[list[str]]) -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except Exception as error:  # OSError; UnicodeError for a name that is too long
        del _running[host]
        result.set_exception(error)
    else:
        del _running[host]
        result.set_result(list(dict.fromkeys(str(address[0]) for *_, address in found)))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
