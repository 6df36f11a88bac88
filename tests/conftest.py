"""Shared by all tests: helper modules beside this file, a workspace and a language of their own."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))
# Tiny models are quickest on one thread; more of them only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import postgres
from huohou import text

# Containers often forbid Python to keep what it compiled. Then each of the hundreds of processes
# that tests start compiles all of huohou anew, which is a third of a short command's time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A busy machine is no reason to fail.
settings.register_profile("huohou", deadline=None)
settings.load_profile("huohou")

# Started in the background by a shell, a process ignores Ctrl-C, and so do all it starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is imported and collected stays to the end: no search for garbage looks at it again.

    Each training begins with such a search, which took longer than the tiny model's training.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True)
def own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has a workspace of its own, speaks English and meets no user's settings."""
    monkeypatch.setenv("HUOHOU_HOME", str(tmp_path / "runs"))
    monkeypatch.setenv("HUOHOU_LANG", "en")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("HUOHOU_DB", raising=False)
    text.use(None)
    yield
    text.use(None)


@pytest.fixture
def huohou(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line; gives exit code, stdout, stderr."""
    from huohou.cli.main import run

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run([str(one) for one in arguments])
        written = capsys.readouterr()
        return code, written.out, written.err

    return call


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server; the test is skipped where there is none, but in CI it fails."""
    try:
        with postgres.cluster() as cluster:
            yield cluster
    except postgres.MissingError as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The store is in the workspace's own file, or in an empty database of PostgreSQL."""
    return _chosen(request, monkeypatch)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def either_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same for tests that take a second or more: PostgreSQL is with the slow ones."""
    return _chosen(request, monkeypatch)


def _chosen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "postgresql":
        address = request.getfixturevalue("postgresql").new_database()
        monkeypatch.setenv("HUOHOU_DB", address)
    return str(request.param)
