"""How a text log ended: an error, a kill, a person.

Only what stands after the last value counts: an error before it was survived. Of several errors
that belong together (one a process, the launcher's at the end) the first is the cause, unless it
is one that only passes on what happened elsewhere.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["error", "person", "lost", "launcher"]

_TAIL = 1 << 20  # characters at the end of a log that are looked at
_NEAR = 40  # lines between errors that belong together, and from the last one to the end
_REPORT = 400
_WORDS = 300
_LONGEST = 2000  # characters of a line

_BUFFER = 8192
_TRACE = 20_000  # characters of a long traceback
_DRAWN = re.compile(r"\d{1,3}%\|[^|\n]{0,300}\| {0,12}\d{1,15}/\d{1,15} \[")

_TRACEBACK = "Traceback (most recent call last)"
_PREFIX = re.compile(r"(?:\[[\w.-]{1,20}\]: ?|\([\w.]{1,40} pid=\d+[^)\n]{0,40}\) ?)$")
_EXCEPTION = re.compile(
    r"(?:[A-Za-z_]\w{0,60}\.){0,12}([A-Za-z_]\w{0,80})(?:\([\w.]{0,80}\))?(?::|$)"
)
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
_LAUNCHER = {"ChildFailedError", "CalledProcessError", "ProcessRaisedException", "SystemExit"}
_LOST = {
    "DistBackendError",
    "DistNetworkError",
    "ConnectionResetError",
    "BrokenPipeError",
    "EOFError",
}
_SIGNAL = re.compile(r"got signal: (\d+)")
_BY_PERSON = {"1", "2", "15"}  # terminal closed, Ctrl-C, asked to end

# Lines outside of tracebacks that tell of an end, and who caused it.
_MARKS: tuple[tuple[str, Kind], ...] = (
    (r"CANCELLED AT .{0,60}DUE TO (?!PREEMPTION)", "error"),
    (r"slurmstepd: error: .{0,80} CANCELLED", "person"),
    (r"oom[_-]kill event|Out Of Memory\b|oom-killer", "error"),
    (r"^(?:.{0,200}: line \d+: *\d+ )?Killed(?: {2,}.*)?$", "error"),
    (r"Signals\.SIGKILL|exitcode ?: ?-9\b|return code = -9\b", "error"),
    (r"Segmentation fault|Bus error|Floating point exception|\(core dumped\)", "error"),
    (r"terminate called after throwing", "error"),
    (r"CUDA out of memory|CUDA error: |CUBLAS_STATUS_\w+", "error"),
    (r"^[\w./-]{1,80}\.py: error: ", "error"),
    (r"Watchdog caught collective operation timeout|ProcessGroupNCCL.{0,80}[Tt]imeout", "lost"),
    (r"Signals\.SIG(?:INT|TERM|HUP)\b", "person"),
    (r"^(?:\^C)+|^KeyboardInterrupt\b|^Terminated\b", "person"),
)
_GLOG = re.compile(r"^[IWEF]\d{4} [\d:.]{8,20} \d+ \S{1,300}\] ")
_ANY_MARK = re.compile(
    r"CANCELLED|[oO][oO][mM]|Out Of Memory|out of memory|Killed|SIG|-9|fault|error|exception"
    r"|core dumped|terminate called|CUBLAS|Watchdog|NCCL|\^C|KeyboardInterrupt|Terminated"
)
_ANY = re.compile(f"{re.escape(_TRACEBACK)}|{_ANY_MARK.pattern}")
_BREAK = re.compile("\n")
_DONE = re.compile(
    r"Training completed|'train_runtime'|[Tt]raining (?:is )?(?:finished|complete|done)"
    r"|Finished [Tt]raining|Total training time|训练完成"
)


@dataclass(frozen=True, slots=True)
class Ending:
    """words: of the error, as they stand; line: where; person: whether a person or a scheduler
    ended the run, which is no fault of its own."""

    words: str
    line: int
    person: bool

    def facts(self) -> dict[str, Any]:
        """As facts of a Record."""
        told = {"crash": self.words, "ended_line": self.line}
        return told | ({"interrupted": True} if self.person else {})


@dataclass(frozen=True, slots=True)
class _Event:
    begin: int
    end: int
    kind: Kind
    words: str


class _Lines:
    """The lines of a text from a place on, cut out when they are asked for: a list of them takes
    sixteen times the text where they are short."""

    def __init__(self, text: str, begin: int) -> None:
        self._text = text
        self._begins = array("q" if len(text) > 1 << 31 else "i", (begin,))
        self._begins.extend(found.end() for found in _BREAK.finditer(text, begin))

    def __len__(self) -> int:
        return len(self._begins)

    def __getitem__(self, at: int) -> str:
        end = self._begins[at + 1] - 1 if at + 1 < len(self) else len(self._text)
        return self._text[self._begins[at] : end]

    def between(self, first: int, end: int) -> Iterator[str]:
        """The lines from the first to the one before the end."""
        return map(self.__getitem__, range(max(first, 0), end))

    def telling(self, at: int) -> int:
        """The first line from this one on that may tell of an end; behind the last for none."""
        found = _ANY.search(self._text, self._begins[at]) if at < len(self) else None
        return bisect_right(self._begins, found.start()) - 1 if found else len(self)


@dataclass(frozen=True, slots=True)
class _Group:
    """The last errors that stand close to each other: the one that caused the others, and the
    last."""

    cause: _Event
    last: _Event


def ending(text: str, after: int = 0) -> Ending | None:
    """What ended the run that wrote this text, None where nothing is said of it.

    after: place in the text behind the last value.

    >>> ending("step 1\\nTraceback (most recent call last):\\n  File 'a'\\nKeyError: 'x'\\n")
    Ending(words="KeyError: 'x'", line=4, person=False)
    """
    overtaken = _overtaken(text, after)
    begin = max(after if overtaken is None else overtaken, len(text) - _TAIL, 0)
    lines = _Lines(text, begin)
    group = _belonging(_events(lines))
    if group is None or (overtaken is None and not _last(lines, group.last)):
        return None
    cause = group.cause
    first = text.count("\n", 0, begin) + 1
    return Ending(cause.words[:_WORDS], first + cause.end, cause.kind == "person")


def _overtaken(text: str, after: int) -> int | None:
    """Where an error begins that stands before the last values and ended the run all the same.

    What a program prints into a file is kept back, up to 8 KiB of it, and an error is not: it
    overtakes the last lines. Told by a line that the error cuts in two, or by progress bars that
    end with it.
    """
    at = text.rfind(_TRACEBACK, 0, after)
    if at < 0:
        return None
    begin = text.rfind("\n", 0, at) + 1
    head = text[begin:at].rpartition("\r")[2]
    said = _PREFIX.sub("", head).strip()
    cut = bool(said) and not said.endswith("]") and len(text) - at < _BUFFER + _TRACE
    stopped = _DRAWN.search(text, max(at - 4000, 0), at) and not _DRAWN.search(text, at)
    return begin if cut or stopped else None


def _events(lines: _Lines) -> Iterator[_Event]:
    """Errors in their order; one that was raised while another was handled takes its place."""
    waiting: _Event | None = None
    at = lines.telling(0)
    while at < len(lines):
        event = _event(lines, at)
        at = lines.telling(event.end + 1 if event else at + 1)
        if event and waiting and _chained(lines, event):
            kind: Kind = "person" if waiting.kind == "person" else event.kind
            waiting = _Event(waiting.begin, event.end, kind, event.words)
        elif event:
            if waiting:
                yield waiting
            waiting = event
    if waiting:
        yield waiting


def _event(lines: _Lines, at: int) -> _Event | None:
    line = lines[at]
    if _TRACEBACK in line:
        return _traceback(lines, at)
    return _mark(line, at) if len(line) < _LONGEST and _ANY_MARK.search(line) else None


def _chained(lines: _Lines, event: _Event) -> bool:
    before = lines.between(event.begin - 3, event.begin)
    return any(words in line for line in before for words in _CHAINED)


def _mark(line: str, at: int) -> _Event | None:
    words = _GLOG.sub("", line.strip().rpartition("\r")[2])
    kind = next((kind for pattern, kind in _MARKS if re.search(pattern, words)), None)
    return _Event(at, at, kind, words) if kind else None


def _traceback(lines: _Lines, at: int) -> _Event:
    """From its heading to the line of the exception.

    Lines that another process wrote between are skipped.
    """
    found = _PREFIX.search(lines[at].partition(_TRACEBACK)[0])
    prefix = found[0].rstrip() if found else ""
    last, strange = at, 0
    for i in range(at + 1, min(at + 3000, len(lines))):
        if not lines[i].startswith(prefix):
            continue
        line = lines[i][len(prefix) :].rstrip()
        line = line.removeprefix(" ") if prefix else line
        if _TRACEBACK in line or strange > _NEAR:
            break
        if line and not line[0].isspace():
            if _EXCEPTION.match(line):
                return _Event(at, i, _kind(line), line)
            strange += 1
        elif line:
            last = i
    cut = lines[last].removeprefix(prefix).strip() if last > at else _TRACEBACK
    return _Event(at, last, "error", cut)


def _kind(line: str) -> Kind:
    """Whose doing an exception is."""
    match = _EXCEPTION.match(line)
    name = match[1] if match else ""
    if name == "KeyboardInterrupt":
        return "person"
    if name == "SignalException":
        signal = _SIGNAL.search(line)
        return "person" if signal and signal[1] in _BY_PERSON else "launcher"
    if name in _LAUNCHER:
        return "launcher"
    return "lost" if name in _LOST or "NCCL" in line else "error"


def _last(lines: _Lines, event: _Event) -> bool:
    """Whether little follows, and nothing that says that all went well."""
    near = _REPORT if event.kind == "launcher" else _NEAR  # it lists all processes that failed
    said = 0
    for line in lines.between(event.end + 1, len(lines)):
        if line and not line.isspace() and not line.startswith("wandb:"):
            said += 1
            if said > near or _DONE.search(line[:500]):
                return False
    return True


def _belonging(events: Iterable[_Event]) -> _Group | None:
    """The last errors that stand close to each other. Of the others nothing is kept."""
    first: dict[Kind, _Event] = {}
    last: _Event | None = None
    for event in events:
        if last is not None and event.begin - last.end > _NEAR:
            first = {}
        first.setdefault(event.kind, event)
        last = event
    return _Group(_cause(first, last), last) if last else None


def _cause(first: dict[Kind, _Event], last: _Event) -> _Event:
    """Of the first errors of each kind."""
    own = [first[kind] for kind in first if kind in ("error", "person")]  # in their order
    return own[0] if own else first.get("lost", last)
