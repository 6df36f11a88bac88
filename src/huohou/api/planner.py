"""A process that makes plans for one that must stay light: the page's server.

Making a plan loads the training libraries and reads all rows. In a process of its own that takes
nothing of the server's memory, and is over when the server ends. It is kept for the next plan, and
given up when none was asked for in a while.
"""

import contextlib
import json
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from huohou import config, errors, text

if TYPE_CHECKING:
    from huohou.plan import Plan

IDLE = 600.0  # seconds after which the process is given up
LINES = 20  # of what it told, kept to be shown


class Planner:
    """Asks the process; one question at a time, whoever else asks waits."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._told: deque[str] = deque(maxlen=LINES)
        self._idle: threading.Timer | None = None
        self._closed = False

    def plan(self, settings: Mapping[str, Any]) -> "Plan":
        """As ``plan_for``."""
        from huohou.api.places import allowed_settings
        from huohou.plan import Plan

        wanted = allowed_settings(settings)
        config.load(given=wanted)  # what is wrong with them by themselves is told at once
        return Plan.of(self._ask("plan", settings=wanted))

    def resume(self, ref: str, extend_epochs: float | None = None) -> dict[str, Any]:
        """As ``resume`` of a detached job; ``notes``: what a person should know."""
        found: dict[str, Any] = self._ask("resume", ref=ref, extend_epochs=extend_epochs)
        return found

    def branch(self, ref: str, name: str, **how: Any) -> dict[str, Any]:
        """As ``branch`` to a detached job."""
        found: dict[str, Any] = self._ask("branch", ref=ref, name=name, **how)
        return found

    @property
    def progress(self) -> str:
        """What it told last, such as how much of a model has come; empty while it has nothing."""
        return self._told[-1] if self._told and self._turn.locked() else ""

    def close(self) -> None:
        """End the process, in the middle of a plan too; nothing can be asked any more."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for end in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):  # a question it has not read
                    if end is not None:
                        end.close()

    def _ask(self, what: str, **how: Any) -> Any:
        with self._turn:
            self._told.clear()
            line = {"do": what, "with": how, "language": text.language()}
            answer = self._answer(json.dumps(line).encode() + b"\n")
            self._rest()
        if "error" in answer:
            raise _error(**answer["error"])
        return answer["result"]

    def _answer(self, line: bytes) -> dict[str, Any]:
        process = self._process
        if process is None or process.poll() is not None:
            self._end()
            process = self._begin()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(line)
            process.stdin.flush()
            answer = process.stdout.readline()
        except (OSError, ValueError):  # it is gone, or was closed under us
            answer = b""
        if not answer.endswith(b"\n"):
            raise self._death(process)
        found: dict[str, Any] = json.loads(answer)
        return found

    def _begin(self) -> "subprocess.Popen[bytes]":
        if self._closed:
            raise errors.RunFailedError("planner.ended", problem="-")
        command = [sys.executable, "-P", "-m", "huohou.api.planning"]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        self._process = process
        return process

    def _listen(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stderr is not None
        with process.stderr as lines:
            for line in lines:
                if told := line.decode("utf-8", "replace").strip():
                    self._told.append(told)

    def _death(self, process: "subprocess.Popen[bytes]") -> Exception:
        """Why there is no answer: it was ended, or fell over a bug of ours."""
        self._end()
        code = process.wait()
        last = self._told[-1] if self._told else f"exit code {code}"
        if code > 0 and not self._closed and not last.startswith("KeyboardInterrupt"):
            return RuntimeError(f"the planner ended: {last}")
        return errors.RunFailedError("planner.ended", problem=last)

    def _rest(self) -> None:
        """Give it up later unless it is asked again."""
        if self._idle is not None:
            self._idle.cancel()
        self._idle = threading.Timer(IDLE, self._give_up)
        self._idle.daemon = True
        self._idle.start()

    def _give_up(self) -> None:
        if self._turn.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._turn.release()


def _error(kind: str, key: str, fields: Mapping[str, Any]) -> Exception:
    """An error as the process raised it."""
    made: type[errors.HuohouError] = getattr(errors, kind, errors.UsageError)
    return made(key, **fields)
