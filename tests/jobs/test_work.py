"""A queue that several machines serve: leases, workers that really die, each job exactly once."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from living import ended, folder_of, is_alive, journal, kill, segment, state_of, states
from sqlalchemy import update

from databases import mend, spoil
from huohou import api
from huohou.cli.main import run
from huohou.errors import UsageError
from huohou.jobs import detach, lifecycle, worker
from huohou.jobs.worker import Worker
from huohou.plan import Plan
from huohou.record.leases import Holder, Leases
from huohou.record.schema import leases
from huohou.record.store import Store
from teams import events, shared
from waiting import PATIENCE, no_longer, wait_until

pytestmark = pytest.mark.usefixtures("plugin", "database")

Ask = Callable[..., None]
ONE, TWO = Holder("one", "here"), Holder("two", "there")


@pytest.fixture
def runs(tmp_path: Path, database: str) -> Path:
    """A workspace whose store is a file or a PostgreSQL."""
    return tmp_path / "runs"


# As `either_database`: of what takes a second or more PostgreSQL is with the slow ones.
EITHER = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)


@pytest.fixture
def put(plan: Plan, runs: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Store]:
    """Put so many jobs into the queue, and start nothing that serves it."""
    monkeypatch.setattr(detach, "ensure", lambda _: None)

    def queue(count: int) -> Store:
        for _ in range(count):
            api.train(plan, detach=True)
        return Store(runs)

    return queue


def run_out(store: Store) -> None:
    """All leases have run out."""
    with store.claiming() as connection:
        connection.execute(update(leases).values(until=0.0))


def others(host: str) -> str:
    """Code of a process that is on another machine, as far as it knows."""
    return f"import socket; socket.gethostname = lambda: {host!r}"


def test_each_job_is_claimed_once_in_order(put: Callable[[int], Store]) -> None:
    store = put(3)
    api.move("3")
    mine, theirs = Leases(store), Leases(Store(store.workspace))
    assert [mine.claim(ONE), theirs.claim(TWO), mine.claim(ONE)] == [3, 1, 2]
    assert theirs.claim(TWO) is None
    assert mine.held() == {3: "here", 1: "there", 2: "here"}
    mine.release(1, ONE)  # not ours to give
    assert theirs.claim(TWO) is None
    mine.release(2, ONE)
    assert theirs.claim(TWO, ["cuda:0"]) is None
    assert theirs.claim(TWO, ["cpu"], without=[2]) is None
    assert theirs.claim(TWO, ["cpu"]) == 2


def test_a_lease_that_ran_out_is_free_and_its_holder_is_told(put: Callable[[int], Store]) -> None:
    store = put(1)
    held = Leases(store)
    assert held.claim(ONE) == 1
    assert held.renew(1, ONE)
    run_out(store)
    assert held.renew(1, ONE)  # nobody took it meanwhile
    assert held.claim(TWO) is None
    run_out(store)
    assert held.claim(TWO) == 1
    assert not held.renew(1, ONE)
    store.rebuild()  # the leases are no index of the folders
    assert held.held() == {1: "there"}


def test_who_has_the_file_locks_takes_over_from_the_dead_of_its_machine(
    put: Callable[[int], Store],
) -> None:
    """A supervisor that was killed could not give its lease back: a resume must not wait for it."""
    store = put(2)
    held, after = Leases(store), Holder("three", ONE.host)
    assert held.claim(ONE) == 1
    assert not held.renew(1, after)
    assert held.begin(1, after) and held.renew(1, after)
    assert not held.renew(1, ONE)
    assert held.claim(TWO) == 2
    assert not held.begin(2, after)  # another machine has it
    run_out(store)
    assert held.begin(2, after)


def test_two_at_the_same_moment_do_not_wait_for_each_other(
    put: Callable[[int], Store], database: str
) -> None:
    if database == "sqlite":
        pytest.skip("a file has one writer")
    store = put(2)
    from huohou.record.leases import _next, _now

    with store.claiming() as first:
        assert first.execute(_next(_now(first), (), ())).scalar() == 1
        with no_longer():  # the first one's claim is over only after this
            assert Leases(Store(store.workspace)).claim(TWO) == 2


def test_a_worker_empties_the_queue(
    put: Callable[[int], Store], runs: Path, capsys: pytest.CaptureFixture[str], fake: Ask
) -> None:
    fake(steps=3)
    put(2)
    assert run(["work", "--slots", "2", "--until-empty"]) == 0
    told = capsys.readouterr().out
    assert "Job 1 (bank codes) begins on cpu" in told
    assert "Job 2 (bank codes): completed" in told
    for number in (1, 2):
        assert states(folder_of(runs, number)) == ["starting", "running", "completed"]
    assert Leases(Store(runs)).held() == {}
    assert not list((runs / ".slots").glob("start-*"))
    assert not list((runs / ".slots").glob("*.mark"))


# Runs where Python starts: a supervisor does not begin while a file is there.
HELD = """
import os, sys, time
if "huohou.jobs.supervise" in sys.orig_argv:
    while os.path.exists(os.environ["PYTHON_HELD"]):
        time.sleep(0.01)
"""


@EITHER
def test_the_place_of_a_supervisor_that_died_is_its_jobs(
    put: Callable[[int], Store],
    runs: Path,
    fake: Ask,
    plugin: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is free before the worker knows: the next job must not slip in."""
    fake(steps=3)
    serving = Worker(put(2), count=1)
    held = plugin / "held"
    held.touch()
    (plugin / "sitecustomize.py").write_text(HELD)
    monkeypatch.setenv("PYTHON_HELD", str(held))
    assert serving._begin()
    kill(serving._starts[1].process.pid)
    held.unlink()
    assert not serving._begin()
    assert serving._reap()
    assert serving._begin()
    assert list(serving._starts) == [1]
    wait_until(lambda: ended(runs, 1))
    assert states(folder_of(runs, 1)) == ["starting", "running", "completed"]


def test_a_database_that_is_away_is_said_once_and_waited_for(
    put: Callable[[int], Store], database: str
) -> None:
    if database == "sqlite":
        pytest.skip("a file does not come back by itself")
    store, looks = put(0), count(1)
    told: list[str] = []

    def look() -> bool:
        n = next(looks)
        if n == 1:
            spoil(store)
        elif n == 30:  # one each tenth of a second, several of them at the database
            mend(store)
        return len(told) > 1

    Worker(store, tell=told.append).serve(look)
    assert "cannot be used" in told[0] and store.url.rpartition("/")[2] in told[0]
    assert told[1:] == ["The database is there again."]


def test_jobs_of_other_devices_are_left(put: Callable[[int], Store], runs: Path) -> None:
    put(1)
    assert run(["work", "--device", "cuda:0", "--until-empty"]) == 0
    assert state_of(runs, 1) == "queued"


def test_a_job_of_another_machine_is_put_back_when_its_lease_is_over(
    put: Callable[[int], Store], runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine is gone with all that ran on it; nothing but its lease tells."""
    store = put(1)
    folder = folder_of(runs, 1)
    assert Leases(store).claim(TWO) == 1
    with lifecycle.Journal(folder / "job.jsonl", 0) as their:
        their.state("starting")
        their.segment(1, 2, "there")
    store.take_in(folder)
    assert lifecycle.bury(store) == []  # its lease holds
    run_out(store)
    assert lifecycle.bury(store) == []  # it wrote a moment ago
    os.utime(folder / "job.jsonl", (1, 1))
    assert [job.id for job in lifecycle.bury(store)] == [1]
    assert state_of(runs, 1) == "queued"
    found = store.job(1)
    assert found is not None and found.status == "queued"
    assert "there went down" in [e for e in journal(folder) if e["kind"] == "alert"][-1]["text"]
    monkeypatch.setattr("huohou.jobs.putting_back.TIMES", 1)
    with lifecycle.Journal(folder / "job.jsonl", 1) as their:
        their.state("running")
    os.utime(folder / "job.jsonl", (1, 1))
    os.utime(folder / "events.jsonl", (1, 1))
    store.take_in(folder)
    lifecycle.bury(store)
    assert state_of(runs, 1) == "lost"  # not for ever
    assert not list((runs / ".slots").glob("start-*"))


def test_a_training_that_writes_on_another_machine_is_left_alone(
    put: Callable[[int], Store], runs: Path
) -> None:
    store = put(1)
    folder = folder_of(runs, 1)
    with lifecycle.Journal(folder / "job.jsonl", 0) as their:
        their.state("running")
        their.segment(1, 2, "there")
    (folder / "events.jsonl").touch()
    store.take_in(folder)
    assert lifecycle.bury(store) == []
    os.utime(folder / "events.jsonl", (1, 1))
    assert [job.id for job in lifecycle.bury(store)] == [1]


@pytest.mark.parametrize(
    ("module", "on"),
    [("child", "local"), ("child", "torchrun"), ("child", "ray"), ("member", "torchrun")],
)
@EITHER
def test_a_training_whose_job_was_settled_while_it_started_does_nothing(
    put: Callable[[int], Store], runs: Path, module: str, on: str
) -> None:
    """Its supervisor was killed in that moment, and another machine has put the job back."""
    put(1)
    folder = folder_of(runs, 1)
    if on != "local":
        plan = Plan.load(folder / "plan.json")
        (folder / "plan.json").unlink()
        shared(plan, on, 2).save(folder / "plan.json")
    with lifecycle.Journal(folder / "job.jsonl", 0) as their:
        their.state("starting")
    with lifecycle.Journal(folder / "job.jsonl", 1) as ours:
        ours.state("queued")
    words = [sys.executable, "-P", "-m", f"huohou.jobs.{module}", str(folder), "--seg", "0"]
    first = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    env = os.environ | (first if module == "member" else {})
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=env)
    assert (done.returncode == 0) == (module == "member"), done.stderr  # torchrun starts no more
    assert "too late" in done.stdout
    assert on != "local" or (folder / "events.jsonl").read_bytes() == b""
    assert events(folder) == []


def test_a_workspace_that_is_not_shared_is_found_before_the_start(
    put: Callable[[int], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = put(1)
    monkeypatch.setattr(worker, "_PATIENCE", 0.1)
    Leases(store).serve(TWO, "what it wrote", 1)
    with pytest.raises(UsageError, match="there wrote into the workspace is not seen"):
        Worker(store).serve(lambda: True)
    Leases(store).leave(TWO)
    Worker(store).serve(lambda: True)


@EITHER
def test_a_folder_that_is_not_here_stops_nobody(
    put: Callable[[int], Store], runs: Path, fake: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    fake(steps=3)
    put(2)
    folder_of(runs, 1).rename(runs / "away")
    assert run(["work", "--until-empty"]) == 0
    assert "Job 1 waits in the queue, but cannot be started" in capsys.readouterr().out
    assert state_of(runs, 2) == "completed"


@EITHER
def test_a_supervisor_that_lost_its_lease_ends_its_training(
    put: Callable[[int], Store], runs: Path, fake: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two machines never train one job for long."""
    fake(steps=10_000, seconds=0.02)
    store = put(1)
    serving = Worker(store, count=1)
    assert serving._begin()
    wait_until(lambda: state_of(runs, 1) == "running")
    pid = segment(folder_of(runs, 1))["pid"]
    with store.claiming() as connection:
        connection.execute(update(leases).values(holder="another", host="there"))
    wait_until(lambda: not is_alive(pid))
    assert states(folder_of(runs, 1))[-1] == "running"  # nothing more is written to the record
    wait_until(lambda: "another machine" in (folder_of(runs, 1) / "train.log").read_text())


def start_worker(host: str) -> "subprocess.Popen[str]":
    code = f"{others(host)}; from huohou.cli.main import main; main(['work', '--slots', '1'])"
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def supervisors(runs: Path, count: int) -> list[int]:
    """Process ids of the supervisors that are at work."""
    found = [n for n in range(1, count + 1) if state_of(runs, n) in ("starting", "running")]
    lives = [e for n in found for e in journal(folder_of(runs, n)) if e["kind"] == "segment"]
    return [life["supervisor"] for life in lives if is_alive(life["supervisor"])]


def strike(runs: Path, count: int) -> bool:
    """SIGKILL for a supervisor that is at work; False: there was none, or it has ended meanwhile."""
    for pid in supervisors(runs, count)[:1]:
        with contextlib.suppress(ProcessLookupError):
            kill(pid)
            return True
    return False


def check_once(runs: Path, count: int) -> None:
    """Each job was trained, by one process life that came to its end."""
    for number in range(1, count + 1):
        found = [e for e in journal(folder_of(runs, number)) if e["kind"] == "state"]
        assert [e["state"] for e in found].count("completed") == 1, number
        events = (folder_of(runs, number) / "events.jsonl").read_text()
        assert events.count('"kind": "end"') == 1, number
    store = Store(runs)
    store.rebuild()
    assert store.counts() == {"completed": count}


def many_once(put: Callable[[int], Store], runs: Path, count: int, kills: int) -> None:
    put(count)
    began = [start_worker(f"machine-{i}") for i in range(4)]
    try:
        for _ in range(kills):
            wait_until(lambda: strike(runs, count))
        wait_until(lambda: ended(runs, 1, 2))
        began[0].send_signal(signal.SIGKILL)
        for number in range(1, count + 1):  # each looked at until it has ended, and not again
            wait_until(lambda n=number: ended(runs, n))  # type: ignore[misc]
        for one in began[1:]:
            one.send_signal(signal.SIGTERM)
        assert [one.wait(PATIENCE) for one in began[1:]] == [0, 0, 0]
    finally:
        for one in began:
            one.kill()
            one.communicate()
    check_once(runs, count)


@pytest.mark.slow
def test_four_workers_run_each_of_twenty_jobs_once_and_one_is_killed(
    put: Callable[[int], Store], runs: Path, fake: Ask
) -> None:
    fake(steps=20, seconds=0.02)
    many_once(put, runs, 20, kills=2)


@pytest.mark.slow
def test_four_workers_run_each_of_two_hundred_jobs_once_and_one_is_killed(
    put: Callable[[int], Store], runs: Path, fake: Ask, database: str
) -> None:
    if database == "sqlite":
        pytest.skip("twenty were enough for a file of one machine")
    fake(steps=3)
    many_once(put, runs, 200, kills=1)
