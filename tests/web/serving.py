"""``huohou serve`` as a process that a test begins and ends."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

import huohou
from waiting import PATIENCE


class Server:
    """A running ``huohou serve``; ``url`` is its address without a slash at the end."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.options = folder, options
        self.workspace = folder / "runs"
        self.port = 0
        self.environment = environment()  # the same after a restart
        self._begin()
        self.http = httpx2.Client(base_url=self.url, timeout=PATIENCE)

    def _begin(self) -> None:
        self.log = self.folder / "serve.err"
        command = [sys.executable, "-m", "huohou", "serve", "--port", str(self.port), *self.options]
        with self.log.open("ab") as err:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=err,
                text=True,
                env=self.environment,
            )
        assert self.process.stdout
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+:(\d+)/\S*", line)
        assert found, f"{line}\n{self.log.read_text()}"
        self.port, self.url = int(found[1]), f"http://localhost:{found[1]}"
        self.first = found[0]  # with the token, if there is one

    def restart(self) -> None:
        """End it and start it again on the same port."""
        self.end()
        self._forget()
        self._begin()

    def end(self) -> int:
        """Ctrl-C; its exit code."""
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return code

    def close(self) -> None:
        self.http.close()
        try:
            if self.process.poll() is None:
                self.end()
        finally:
            self._forget()

    def _forget(self) -> None:
        if self.process.stdout:
            self.process.stdout.close()

    def complaints(self) -> str:
        """What it wrote to its terminal, its farewell left out."""
        told = self.log.read_text(encoding="utf-8")
        return "\n".join(line for line in told.splitlines() if "huohou runs ls" not in line)


def environment() -> dict[str, str]:
    """The test's, for a program that starts in another folder: it finds the huohou of the test."""
    source = str(Path(huohou.__file__).parents[1])
    found = [source, os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, found))}


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    """A server of a folder's ``runs``, which must not complain. For tests that share one:
    a fixture ``server`` of their module, in the place of the usual one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUOHOU_HOME", str(folder / "runs"))
        patch.setenv("HUOHOU_LANG", "en")
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        running = Server(folder, *options)
    try:
        yield running
    finally:
        running.close()
    assert not running.complaints(), running.complaints()
