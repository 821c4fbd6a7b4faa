"""Names of servers as settings have them: one, or several with commas between, each with or without a port."""

import re
from typing import Annotated

from pydantic import AfterValidator

_MOST = 16
_IPV6 = r"[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*"
_FORM = re.compile(
    rf"\[(?P<bracketed>{_IPV6})\](?::(?P<port6>[0-9]{{1,5}}))?"
    r"|(?P<host>[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    rf"|(?P<bare>{_IPV6})"
)


Server = tuple[str, int]
"""Host and port."""


def written(server: Server) -> str:
    """Return a server as people write it."""
    host, port = server
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_servers(text: str, default_port: int) -> list[Server]:
    """Return host and port of each server. Raises ValueError with a sentence that leaves out what was given."""
    servers: list[Server] = []
    for part in text.split(","):
        found = _FORM.fullmatch(part.strip())
        if found is None:
            raise ValueError("takes host names or addresses with commas between, each alone or with :port")
        port = int(found["port6"] or found["port"] or default_port)
        if not 1 <= port <= 65535:
            raise ValueError("takes ports from 1 to 65535")
        servers.append((found["bracketed"] or found["host"] or found["bare"], port))
    if len(set(servers)) < len(servers):
        raise ValueError("names a server twice")
    if len(servers) > _MOST:
        raise ValueError(f"takes at most {_MOST} servers")
    return servers


def _check(text: str) -> str:
    parse_servers(text, default_port=1)
    return text


ServerNames = Annotated[str, AfterValidator(_check)]
