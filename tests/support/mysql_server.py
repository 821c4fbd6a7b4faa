"""A real MySQL server for the tests, wherever it can be had. `provision()` tries, in this order:

1. TEST_MYSQL_HOST, with TEST_MYSQL_PORT, TEST_MYSQL_USER and TEST_MYSQL_PASSWORD: a server that runs already.
2. `mysqld` on the PATH, started privately on a free port.
3. Docker: the image mysql:9.7.
4. On Debian and Ubuntu: MySQL's packages, unpacked into a cache folder by apt. Nothing is installed.

It never skips: where none of them works it fails with one line that lists the choices.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

from tests.support.apt_unpack import loader_command, unpack_mysql

_START_SECONDS = 90
_ANSWER_SECONDS = 30
_IMAGE = "mysql:9.7"


class NoServer(Exception):
    """This way of getting a server does not work here; the message says why."""


@dataclass(frozen=True)
class Place:
    """Where a server of our own runs, and how."""

    host: str = "127.0.0.1"
    inside: tuple[str, ...] = ()
    """The command that runs a command there, such as `ip netns exec ...`."""

    options: tuple[str, ...] = ()
    """Of the server while it serves, not while its data are made."""


_HERE = Place()


@dataclass(frozen=True)
class MySQLServer:
    """A running server and how to be rid of it."""

    host: str
    port: int
    user: str
    password: str
    source: str
    stop: Callable[[], None]
    crash: Callable[[], None] | None = None
    """Kill it with no chance to tidy up; only where it was started by us."""
    restart: Callable[[], None] | None = None
    """Start it again after a crash, on its old port and data."""
    socket_path: str | None = None
    """By which it is reached whatever becomes of the network; only where it does not run on 127.0.0.1."""
    send_signal: Callable[[int], None] | None = None
    """Send its process a signal; only where it was started by us."""
    folder: Path | None = None
    """Where its data are, below `data`, with its certificates; only where it was started by us."""

    def settings(self, database: str) -> dict[str, Any]:
        """Return the service's settings for a database of this server."""
        return {
            "mysql_host": self.host,
            "mysql_port": self.port,
            "mysql_user": self.user,
            "mysql_password": self.password,
            "mysql_database": database,
        }

    def environment(self) -> dict[str, str]:
        """Return the variables by which `provision` finds this server in other processes."""
        values = {"HOST": self.host, "PORT": self.port, "USER": self.user, "PASSWORD": self.password}
        return {f"TEST_MYSQL_{name}": str(value) for name, value in values.items()}

    def connect(self, database: str | None = None) -> Any:
        """Return a connection of the caller's own."""
        connection = pymysql.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            database=database,
            autocommit=True,
            client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS,
            # To get ready for TLS takes longer than most tests. A server without a password is one of our own.
            ssl_disabled=not self.password,
            init_command="SET SESSION time_zone = '+00:00'",
            defer_connect=True,
        )
        connection.connect(None if self.socket_path is None else _connected(self.socket_path))
        return connection

    def query(self, sql: str, database: str | None = None) -> list[tuple[object, ...]]:
        """Run one statement, or several without results, and return the rows of the last."""
        connection = self.connect(database)
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            rows = list(cursor.fetchall())
            while cursor.nextset():
                rows = list(cursor.fetchall())
            return rows

    @contextmanager
    def with_global(self, variable: str, value: object) -> Iterator[None]:
        """Set a variable of the server, for new connections, until the end of the block."""
        with self.connect() as connection, connection.cursor() as cursor:  # the one that can still put it back
            cursor.execute(f"SELECT @@GLOBAL.{variable}")
            ((before,),) = cursor.fetchall()
            cursor.execute(f"SET GLOBAL {variable} = {value}")
            try:
                yield
            finally:
                cursor.execute(f"SET GLOBAL {variable} = {before}")

    @property
    def version(self) -> str:
        return str(self.query("SELECT VERSION()")[0][0])


def provision_private(*options: str, place: Place = _HERE) -> MySQLServer:
    """Return a server of our own, that may be crashed. Raises `NoServer`."""
    try:
        return _from_path(options, place)
    except NoServer:
        return _from_packages(options, place)


def provision(*options: str) -> MySQLServer:
    """Return a running server, or raise `NoServer` with one line that lists what was tried.

    The options are for a server that is started here.
    """
    if os.environ.get("TEST_MYSQL_HOST"):
        return _from_environment()
    reasons = []
    for name, way in (("mysqld", _from_path), ("docker", _from_docker), ("apt", _from_packages)):
        try:
            return way(options)
        except NoServer as reason:
            reasons.append(f"{name}: {reason}")
    raise NoServer(
        "no MySQL for the tests: set TEST_MYSQL_HOST, _PORT, _USER and _PASSWORD, or put mysqld on the PATH, or start "
        f"Docker, or use Debian or Ubuntu with apt ({'; '.join(reasons)})"
    )


def _from_environment() -> MySQLServer:
    server = MySQLServer(
        host=os.environ["TEST_MYSQL_HOST"],
        port=int(os.environ.get("TEST_MYSQL_PORT", "3306")),
        user=os.environ.get("TEST_MYSQL_USER", "root"),
        password=os.environ.get("TEST_MYSQL_PASSWORD", ""),
        source="TEST_MYSQL_HOST",
        stop=lambda: None,
    )
    _wait_until_ready(server, lambda: True)
    return server


def _from_path(options: Sequence[str] = (), place: Place = _HERE) -> MySQLServer:
    program = shutil.which("mysqld")
    if program is None:
        raise NoServer("not on the PATH")
    if "MariaDB" in _output([program, "--version"]):
        raise NoServer("the one on the PATH is MariaDB")
    return _start_privately([program], options, "mysqld on the PATH", place)


def _from_docker(options: Sequence[str]) -> MySQLServer:
    if shutil.which("docker") is None:
        raise NoServer("not installed")
    port = free_port()
    run = ["docker", "run", "--detach", "--rm", "--publish", f"127.0.0.1:{port}:3306"]
    started = subprocess.run(
        [*run, "--env", "MYSQL_ALLOW_EMPTY_PASSWORD=yes", "--env", "MYSQL_ROOT_HOST=%", _IMAGE, *options],
        capture_output=True,
        text=True,
    )
    if started.returncode != 0:
        raise NoServer("the engine does not run, or has no image " + _IMAGE)
    container = started.stdout.strip()

    def stop() -> None:
        subprocess.run(["docker", "stop", "--time", "5", container], capture_output=True)

    server = MySQLServer("127.0.0.1", port, "root", "", f"Docker image {_IMAGE}", stop)
    _wait_until_ready(server, lambda: bool(_output(["docker", "ps", "--quiet", "--filter", f"id={container}"])))
    return server


def _from_packages(options: Sequence[str] = (), place: Place = _HERE) -> MySQLServer:
    try:
        root = unpack_mysql()
    except RuntimeError as error:
        raise NoServer(str(error)) from error
    usr = root / "usr"
    places = [
        f"--basedir={usr}",
        f"--character-sets-dir={usr}/share/mysql/charsets",
        f"--lc-messages-dir={usr}/share/mysql",
        f"--plugin-dir={usr}/lib/mysql/plugin",
    ]
    command = [*loader_command(root), str(usr / "sbin/mysqld")]
    return _start_privately(command, [*places, *options], f"packages unpacked in {root}", place)


def _start_privately(command: Sequence[str], options: Sequence[str], source: str, place: Place) -> MySQLServer:
    folder = Path(tempfile.mkdtemp(prefix="test-mysql-"))
    port = free_port()
    base = [*command, "--no-defaults", *options, f"--datadir={folder}/data"]
    if os.geteuid() == 0:
        base.append("--user=root")
    made = subprocess.run([*base, "--initialize-insecure"], capture_output=True, text=True)
    if made.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        raise NoServer(f"{source}: {made.stderr.strip().splitlines()[-1:]}")
    serve = [
        *place.inside,
        *base,
        *place.options,
        f"--port={port}",
        f"--socket={folder}/mysql.sock",
        f"--pid-file={folder}/pid",
        f"--bind-address={place.host}",
        "--mysqlx=OFF",
        "--secure-file-priv=NULL",
    ]
    processes: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        with (folder / "error.log").open("ab") as log:
            processes.append(subprocess.Popen(serve, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def crash() -> None:
        processes[-1].kill()
        processes[-1].wait()

    def send_signal(number: int) -> None:
        processes[-1].send_signal(number)

    def stop() -> None:
        crash()  # its data go with it: there is nothing to shut down for
        shutil.rmtree(folder, ignore_errors=True)

    def restart() -> None:
        start()
        _wait_until_ready(server, lambda: processes[-1].poll() is None)

    socket_path = None if place.host == "127.0.0.1" else f"{folder}/mysql.sock"

    server = MySQLServer(place.host, port, "root", "", source, stop, crash, restart, socket_path, send_signal, folder)
    restart()
    return server


def _wait_until_ready(server: MySQLServer, lives: Callable[[], bool]) -> None:
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            server.query("SELECT 1")
            return
        except (pymysql.MySQLError, OSError) as error:
            if time.monotonic() > end or not lives():
                server.stop()
                raise NoServer(f"{server.source} does not answer on {server.host}:{server.port}: {error}") from error
        time.sleep(0.1)


def _connected(path: str) -> socket.socket:
    """Return a socket that is connected; the driver would leave one open that could not be."""
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(_ANSWER_SECONDS)
    try:
        made.connect(path)
    except OSError:
        made.close()
        raise
    return made


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()
