"""Owns one job while it runs: starts the training process, follows it, records how it ended.

A small process without torch. In the foreground it is the command itself: Ctrl-C once asks the
training to stop after the running step, twice stops it now.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from huohou import machine
from huohou.errors import HuohouError, StoreError
from huohou.jobs import again, disk, endings, logs, memory, stopping, stored
from huohou.jobs.daylog import DayLog
from huohou.jobs.lease import Lease
from huohou.jobs.lifecycle import last_end
from huohou.jobs.oversight import Oversight, Said
from huohou.jobs.progress import Progress
from huohou.recipes import Start
from huohou.record.events import Event, Follower
from huohou.record.recorder import Journal, State
from huohou.record.store import Job, Store, alone
from huohou.record.workspace import EVENTS, HEARTBEAT, JOURNAL, TRAIN_LOG, number_of
from huohou.text import language, say

OnEvent = Callable[[Event, Progress], None]

TICK = 0.1  # seconds between two looks at the files
SYNC = 1.0  # seconds between two transactions, at least,
SHARE = 20  # and so many times what the last one took,
LATEST = 30.0  # and at most
BEAT = 2.0  # seconds between two heartbeats
_TAIL = 200  # last lines of train.log among which a death is explained


class Supervisor:
    """Supervises one job.

    on_event: shown every event as it comes, with the progress so far; tied: whether the training
    stops (with a checkpoint) when its supervisor dies, else it goes on alone; stop_on: severity of
    a finding that ends the job early, with a checkpoint: ``error``, ``warning`` or None for none;
    holder: name of who claimed the job for us.
    """

    def __init__(
        self,
        store: Store,
        folder: Path,
        journal: Journal,
        *,
        checkpoint_bytes: int = 0,
        on_event: OnEvent | None = None,
        tied: bool = True,
        stop_on: str | None = None,
        holder: str | None = None,
    ) -> None:
        self.folder = folder
        self.progress = Progress()
        self._store = store
        self._journal = journal
        self._on_event = on_event
        self._checkpoint_bytes = checkpoint_bytes
        self._events = Follower(folder / EVENTS)
        self._lines = Follower(folder / JOURNAL)
        self._tied = tied
        self._interrupts = 0
        self._killed = False
        self._lease = Lease(store, number_of(folder) or 0, holder)
        self._due = self._beaten = 0.0
        self._oversight = Oversight(folder, stop_on)
        self._day = DayLog(folder, journal.seg)
        if journal.seg:
            self._catch_up()

    def _catch_up(self) -> None:
        """Earlier lives of the job: known, and not shown again."""
        for follower in (self._lines, self._events):
            while news := follower.poll():
                for event in news:
                    self.progress.see(event)
                self._oversight.remember(news)

    def run(self, start: Start | None = None) -> Job:
        """Start the process and stay with it to its end; the job as it then is.

        start: where to go on from; the journal's segment is then a new one. A life that the kernel
        ended for want of memory is followed by one in smaller pieces.
        """
        start = start or Start()
        kept = contextlib.closing(self._lease)
        with kept, self._store.kept_open(), self._signals(), self._log() as log:
            first = self._journal.seg
            while True:
                ending = self._life(start, log)
                then = again.next_start(ending, start, self._oversight.sizes, self.folder)
                if (
                    then is None
                    or self._interrupts
                    or self._journal.seg - first >= again.MOST_LIVES
                ):
                    break
                start = then
                text = say("job.smaller", tokens=start.max_tokens, peak=_peak(ending))
                self._write(lambda: self._journal.alert(text))  # noqa: B023 - called at once
                self._journal.seg += 1
            self._finish(ending)
        return self._job()

    def _life(self, start: Start, log: Any) -> endings.Ending:
        """One process from its start to its end, and how it ended."""
        kills = memory.kernel_kills()
        self._state("starting")
        process = self._start(log, start)
        at = {"checkpoint": start.checkpoint.name} if start.checkpoint else {}
        self._journal.segment(process.pid, os.getpid(), socket.gethostname(), **at)
        self._oversight.begin()
        try:
            while process.poll() is None:
                self._tick(process)
                time.sleep(TICK)
        finally:
            if process.poll() is None:  # a bug of ours must not leave an orphan
                process.terminate()
        self._tick(process)
        return self._ending(process.returncode, memory.kernel_kills() - kills)

    def _start(self, log: Any, start: Start) -> "subprocess.Popen[bytes]":
        # -P: a file of the user's that is called like a module is not taken for it.
        command = [sys.executable, "-P", "-m", "huohou.jobs.child", str(self.folder.resolve())]
        command += ["--seg", str(self._journal.seg), "--start", again.dumps(start)]
        command += ["--parent", str(os.getpid())] if self._tied else []
        told = {"HUOHOU_LANG": language(), "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
        told["PYTHONIOENCODING"] = "utf-8:backslashreplace"
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=machine.THREADS | os.environ | told,
            start_new_session=True,  # a Ctrl-C of the terminal reaches us alone
        )

    def _log(self) -> Any:
        return (self.folder / TRAIN_LOG).open("ab")

    def _tick(self, process: "subprocess.Popen[bytes]") -> None:
        self._stop_if_asked(process)
        news = self._events.poll()
        self._adopt(process, news)
        if self.progress.state == "starting" and any(e["kind"] == "start" for e in news):
            self._state("running")
        news = self._lines.poll() + news
        for event in news:
            self._show(event)
        self._tell(self._oversight.see(news))
        now = time.monotonic()
        if now - self._beaten >= BEAT:
            self._beaten = now
            with contextlib.suppress(OSError):
                os.utime(self.folder / HEARTBEAT)
                news.append({"kind": "heartbeat"})
            if not self._lease.beat():
                self._give_way(process)
        changed = any(event["kind"] == "state" for event in news)
        if changed or (news and now >= self._due):
            self._sync()

    def _adopt(self, process: "subprocess.Popen[bytes]", news: list[Event]) -> None:
        """Segments that began without us: who started the workers started them again."""
        last = max((event.get("seg", 0) for event in news), default=0)
        if last <= self._journal.seg:
            return
        self._journal.seg = last
        host = socket.gethostname()
        self._write(lambda: self._journal.segment(process.pid, os.getpid(), host, recovered=True))
        self._write(lambda: self._journal.alert(say("job.recovered", seg=last)))
        self._oversight.begin()

    def _show(self, event: Event) -> None:
        self.progress.see(event)
        self._day.see(event, self.progress)
        if self._on_event is None:
            return
        try:
            self._on_event(event, self.progress)
        except OSError:  # the terminal is gone; the training is not
            self._on_event = None

    def _sync(self) -> bool:
        began = time.monotonic()
        try:
            self._store.take_in(self.folder)
        except StoreError:  # only the index; the folder has everything, the next time more
            return False
        finally:  # a database that many write to gets more at once, and less often
            took = time.monotonic() - began
            self._due = time.monotonic() + min(max(SYNC, SHARE * took), LATEST)
        return True

    def _tell(self, said: Said) -> None:
        """What the watch noticed goes into the journal; a run that is doomed is ended."""
        for finding in said.findings:
            self._write(lambda: self._journal.finding(finding))  # noqa: B023 - called at once
        for text, level in said.alerts:
            self._write(lambda: self._journal.alert(text, level))  # noqa: B023 - called at once
        if said.doomed is not None:
            text = say("job.stop_on", code=said.doomed.code, title=said.doomed.title)
            self._write(lambda: self._journal.alert(text, "error"))
        if said.stop or said.doomed is not None:
            with contextlib.suppress(OSError):
                stopping.request(self.folder, now=said.stop)

    # Stopping

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        names = [signal.SIGINT, signal.SIGTERM]
        if sys.platform != "win32":
            names.append(signal.SIGHUP)
        before = {name: signal.signal(name, self._interrupt) for name in names}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        # A shutdown may send several signals at once: only a second Ctrl-C means "now".
        self._interrupts = self._interrupts + 1 if number == signal.SIGINT else 1

    def _stop_if_asked(self, process: "subprocess.Popen[bytes]") -> None:
        request = stopping.requested(self.folder)
        if self._interrupts and request is None:
            try:
                stopping.request(self.folder)
            except OSError:  # no room for a file: a signal needs none
                process.terminate()
        if (self._interrupts or request is not None) and self.progress.state != "stopping":
            self._state("stopping")
        if (self._interrupts > 1 or request == stopping.NOW) and not self._killed:
            self._killed = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _give_way(self, process: "subprocess.Popen[bytes]") -> None:
        """Another machine has taken the job over: two must not train it. The record is its now."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise StoreError("queue.given_away", job=self.folder.name)

    # The end

    def _ending(self, code: int, kernel_kills: int) -> endings.Ending:
        disk.give_back(self.folder)
        return endings.judge(
            endings.Seen(
                code=code,
                end=last_end(self.folder, self._journal.seg),
                folder=self.folder,
                step=self.progress.step,
                tail=logs.last_lines(self.folder / TRAIN_LOG, _TAIL),
                stopped_now=self._killed,
                stop_asked=self.progress.state == "stopping",
                kernel_kills=kernel_kills,
                peak=memory.peak_of_children(),
                free=disk.free_bytes(self.folder),
                needed=self._checkpoint_bytes,
                lost_weights=self._oversight.lost_weights,
                doomed=self._oversight.doomed,
            )
        )

    def _finish(self, ending: endings.Ending) -> None:
        if self._oversight.lost_weights:
            saved = self._oversight.saved
            again.disown(self.folder, saved)
            self._disown_copies(saved)
        with contextlib.suppress(OSError):
            stopping.forget(self.folder)
        self._tell(self._oversight.last())
        if ending.alert:
            self._write(lambda: self._journal.alert(str(ending.alert)))
        error = {"error": ending.error} if ending.error else {}
        self._state(ending.state, **error, **ending.facts)
        for event in self._lines.poll():
            self._show(event)
        if not self._sync():
            self._show({"kind": "alert", "level": "warning", "text": say("job.index_behind")})
        self._journal.close()

    def _disown_copies(self, saved: list[str]) -> None:
        try:
            stored.disown(self.folder, saved)
        except HuohouError as error:  # here they are put aside, and their copies not fetched again
            text = str(error)
            self._write(lambda: self._journal.alert(text))

    def _state(self, state: State, **facts: Any) -> None:
        self._write(lambda: self._journal.state(state, **facts))
        self.progress.state = state

    def _write(self, line: Callable[[], None]) -> None:
        try:
            line()
        except OSError:  # a full disk: there is a little room set aside for this
            disk.give_back(self.folder)
            with contextlib.suppress(OSError):
                line()

    def _job(self) -> Job:
        number = number_of(self.folder) or 0
        for in_memory in (False, True):  # where the database cannot be used, the folder can
            with contextlib.suppress(StoreError):
                store = alone(self.folder)[0] if in_memory else self._store
                job = store.job(number)
                if job is not None and job.status == self.progress.state:
                    return job
        raise StoreError("job.unrecorded", folder=self.folder, state=self.progress.state)


def _peak(ending: endings.Ending) -> str:
    return f"{ending.facts.get('peak_memory_bytes', 0) / 1e9:.1f}"
