"""Three places to watch a training: ours, TensorBoard, Trackio. The same numbers in each.

Each keeps its data as its own recorder leaves it, and is shown by its own server with what makes
it quickest: our database brought up to date, as the supervisor of a job does; TensorBoard with its
data server in Rust, all runs read before a page is asked for, and its reload switched on (every
30 s, the shortest it offers); Trackio with its refresh, which is on by itself (every second).
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from serving import serving

import page_job
from _browser import Place
from faultbench.tfevents import header, scalar
from huohou.record.store import Store

Columns = Mapping[str, Sequence[float]]  # of each series its values, one a step from 1 on
BEGAN = 1_780_000_000.0
AT_ONCE = 50_000  # rows Trackio gets together
TOOLS = Path(sys.executable).parent


class Board(Protocol):
    """One of them, with data in a folder of its own."""

    def long(self, place: Path, columns: Columns) -> None:
        """Write one run that goes on."""

    def many(self, place: Path, runs: int, columns: Columns) -> None:
        """Write so many short runs."""

    def served(self, place: Path) -> AbstractContextManager[tuple[Place, Place]]:
        """While its server runs: the page of the run, the page with all runs."""

    def beat(self) -> None:
        """One more point of the long run, a value of each series."""

    def close(self) -> None:
        """The long run is over."""


class Huohou:
    """Ours."""

    def __init__(self) -> None:
        self._open = ExitStack()

    def long(self, place: Path, columns: Columns) -> None:
        steps = len(columns["loss"])
        living = page_job.living(place / "runs", 1, "long run", steps=2 * steps)
        self._job = self._open.enter_context(living)
        for step, values in _rows(columns):
            self._job.recorder.metrics(step, step / steps, **values)
        self._job.step, self._store = steps, Store(place / "runs")
        self._store.take_in(self._job.folder)
        self._last = values

    def many(self, place: Path, runs: int, columns: Columns) -> None:
        store = Store(place / "runs")
        steps = len(columns["loss"])
        for number in range(1, runs + 1):
            store.take_in(page_job.written(place / "runs", number, f"run {number}", steps=steps))

    @contextmanager
    def served(self, place: Path) -> Iterator[tuple[Place, Place]]:
        with serving(place) as server:
            yield (
                Place(f"{server.url}/jobs/1", "[data-testid=charts] .plot", 5),
                Place(f"{server.url}/", "[data-testid=jobs-table]", 1),
            )

    def beat(self) -> None:
        self._job.point(**self._last)
        self._store.take_in(self._job.folder)

    def close(self) -> None:
        self._open.close()


class TensorBoard:
    """Its page of time series, where all charts of a run stand and the runs beside them."""

    def long(self, place: Path, columns: Columns) -> None:
        self._steps = len(columns["loss"])
        self._last = _write_events(place / "1-long", columns)

    def many(self, place: Path, runs: int, columns: Columns) -> None:
        self._steps = len(columns["loss"])
        for number in range(1, runs + 1):
            _write_events(place / f"{number}-run", columns)

    @contextmanager
    def served(self, place: Path) -> Iterator[tuple[Place, Place]]:
        port = _free_port()
        command = [TOOLS / "tensorboard", "--logdir", place, "--port", port, "--load_fast", "true"]
        url = f"http://localhost:{port}"
        with _running(command, url):
            self._wait(url, place)
            begin = "localStorage.setItem('_tb_global_settings', '{\"autoReload\": true}')"
            page = f"{url}/#timeseries"
            yield (
                Place(page, "scalar-card line-chart", 5, begin),
                Place(page, "tb-data-table", 1, begin),
            )

    def _wait(self, url: str, place: Path) -> None:
        """Until the server has read all."""
        runs = sorted(folder.name for folder in place.iterdir())
        tags = f"{url}/data/plugin/scalars/tags"
        _until(lambda: len(_asked(tags)) == len(runs), f"TensorBoard did not find {len(runs)} runs")
        points = f"{url}/data/plugin/scalars/scalars?tag=train/loss&run={runs[-1]}"
        _until(lambda: _asked(points)[-1][1] == self._steps, "TensorBoard did not come to the end")

    def beat(self) -> None:
        self._steps += 1
        path, values = self._last
        with path.open("ab") as file:
            _write_step(file, self._steps, values)

    def close(self) -> None:
        pass


class Trackio:
    """Its dashboard without the right to write, as a reader opens it."""

    def long(self, place: Path, columns: Columns) -> None:
        self._place, self._steps = place, len(columns["loss"])
        rows = [{f"train/{k}": v for k, v in values.items()} for _, values in _rows(columns)]
        self._last = rows[-1]
        for begin in range(0, len(rows), AT_ONCE):
            some = rows[begin : begin + AT_ONCE]
            steps = list(range(begin + 1, begin + len(some) + 1))
            _trackio(place).bulk_log(place.name, "1-long", some, steps=steps)

    def many(self, place: Path, runs: int, columns: Columns) -> None:
        rows = [{f"train/{k}": v for k, v in values.items()} for _, values in _rows(columns)]
        steps = list(range(1, len(rows) + 1))
        for number in range(1, runs + 1):
            _trackio(place).bulk_log(place.name, f"{number}-run", rows, steps=steps)

    @contextmanager
    def served(self, place: Path) -> Iterator[tuple[Place, Place]]:
        port = _free_port()
        url = f"http://localhost:{port}"
        env = {"TRACKIO_DIR": str(place.parent), "GRADIO_SERVER_PORT": str(port), "BROWSER": "true"}
        with _running([TOOLS / "trackio", "show"], url, env):
            page = f"{url}/?project={place.name}"
            yield (
                Place(page, ".plot-container canvas", 5),
                Place(page.replace("/?", "/runs?"), "table", 1),
            )

    def beat(self) -> None:
        self._steps += 1
        _trackio(self._place).bulk_log(
            self._place.name, "1-long", [self._last], steps=[self._steps]
        )

    def close(self) -> None:
        pass


BOARDS: dict[str, type[Board]] = {"huohou": Huohou, "tensorboard": TensorBoard, "trackio": Trackio}


def installed() -> list[str]:
    """Those that can be measured here; ours first."""
    return [name for name in BOARDS if find_spec(name)]


def _rows(columns: Columns) -> Iterator[tuple[int, dict[str, float]]]:
    names = list(columns)
    for step, values in enumerate(zip(*columns.values(), strict=True), 1):
        yield step, dict(zip(names, values, strict=True))


def _write_events(folder: Path, columns: Columns) -> tuple[Path, dict[str, float]]:
    folder.mkdir(parents=True)
    path = folder / f"events.out.tfevents.{int(BEGAN)}.here"
    with path.open("wb") as file:
        header(file, BEGAN)
        for step, values in _rows(columns):
            _write_step(file, step, values)
    return path, values


def _write_step(file: BinaryIO, step: int, values: dict[str, float]) -> None:
    for name, value in values.items():
        scalar(file, BEGAN + step, step, f"train/{name}", value)


def _trackio(place: Path) -> Any:
    """Trackio's store. Its folder is read from the environment when it is imported."""
    os.environ |= {"TRACKIO_DIR": str(place.parent), "HF_HUB_OFFLINE": "1"}
    from trackio.sqlite_storage import SQLiteStorage

    return SQLiteStorage


@contextmanager
def _running(command: Sequence[object], url: str, more: Mapping[str, str] = {}) -> Iterator[None]:
    """A server for as long as this lasts, from its first answer on."""
    with subprocess.Popen(
        [str(word) for word in command],
        env={**os.environ, **more},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _until(lambda: _answers(url), f"{command[0]} does not answer")
            yield
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return bool(answer.status == 200)


def _asked(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def _until(is_so: Callable[[], bool], problem: str) -> None:
    """Wait for it. Raises SystemExit after ten minutes."""
    end = time.monotonic() + 600
    while time.monotonic() < end:
        with suppress(OSError, ValueError, LookupError):  # nobody there yet, or nothing
            if is_so():
                return
        time.sleep(0.5)
    raise SystemExit(problem)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return int(one.getsockname()[1])
