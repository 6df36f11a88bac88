"""A PostgreSQL of our own for tests: a private cluster on loopback, gone when the tests end."""

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from waiting import PATIENCE

_PORTS = 5  # that are tried
_DEBIAN = Path("/usr/lib/postgresql")
# Nothing of it has to survive, so nothing is waited for.
_QUICK = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


class MissingError(Exception):
    """Why there is no PostgreSQL here."""


class Cluster:
    """A running server; each call of new_database gives an empty database's address."""

    def __init__(self, port: int) -> None:
        self._server = f"postgresql://huohou@127.0.0.1:{port}"
        self._numbers = itertools.count(1)

    def new_database(self) -> str:
        import psycopg

        name = f"test_{next(self._numbers)}"
        with psycopg.connect(f"{self._server}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"{self._server}/{name}"


@contextmanager
def cluster(settings: str = _QUICK) -> Iterator[Cluster]:
    """Make, start and in the end remove a cluster. settings: "" for a server as it is installed,
    which waits until what it wrote is safe. Raises MissingError."""
    binaries = _binaries()
    # Beside pytest's folders: those are closed to the server's own user.
    place = Path(tempfile.mkdtemp(prefix="huohou-postgresql-"))
    data, user = place / "data", _user(place)

    def call(*words: str) -> None:
        command = [str(binaries / words[0]), *words[1:], "-D", str(data)]
        done = subprocess.run(
            command, user=user, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if done.returncode:
            raise MissingError(f"{words[0]}: {done.stderr.decode(errors='replace')}")

    try:
        call("initdb", "-U", "huohou", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        port = _started(call, f"-h 127.0.0.1 -k '' {settings}", place / "log")
        try:
            yield Cluster(port)
        finally:
            call("pg_ctl", "stop", "-t", f"{PATIENCE:.0f}", "-m", "immediate")
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _started(call: Callable[..., None], options: str, log: Path) -> int:
    """Start the server; its port, where a free one may be taken before the server has it."""
    for left in range(_PORTS)[::-1]:
        port = _free_port()
        told = ("-w", "-t", f"{PATIENCE:.0f}", "-o", f"-p {port} {options}", "-l", str(log))
        try:
            call("pg_ctl", "start", *told)
        except MissingError:
            if not left or "could not bind" not in log.read_text(errors="replace"):
                raise
        else:
            return port
    raise AssertionError("one of them was returned or raised")


def _binaries() -> Path:
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    found = shutil.which("initdb")
    if versions:
        return versions[-1].parent
    if found:
        return Path(found).parent
    raise MissingError("no PostgreSQL here: apt-get install postgresql")


def _user(place: Path) -> str | None:
    """The server refuses to run as root: it gets a user of its own, and the folder."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(place, found.pw_uid, found.pw_gid)
        return name
    raise MissingError("root cannot run PostgreSQL, and there is no user postgres or nobody")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
