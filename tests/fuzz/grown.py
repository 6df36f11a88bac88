"""A file of each format that is as large as wanted and still one run of it, so that it is read.

Most formats go on when their sample is repeated. One document, a database and a log of frames do
not: a reader refuses what follows the end, or does not look at it.
"""

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from fuzz.attempt import magnified
from fuzz.samples import samples
from wandb_file import framed, row

LONGEST = {"prose": 240_000, "results": 1_000_000}  # bytes; what is longer is refused
_STEP = 100  # steps of a sample, at most


def grown(name: str, size: int) -> bytes:
    """A file of that reader's format of about so many bytes, at most what the reader takes."""
    content, size = samples()[name][1], min(size, LONGEST.get(name, size))
    return _GROWTH.get(name, magnified)(content, size)


def _history(content: bytes, size: int) -> bytes:
    state = json.loads(content)
    lines = state["log_history"][:2]
    times = size // len(json.dumps(lines))
    state["log_history"] = [
        line | {"step": line["step"] + i} for i in range(times) for line in lines
    ]
    return json.dumps(state | {"global_step": times, "max_steps": times}).encode()


def _figures(content: bytes, size: int) -> bytes:
    figures = {f"predict_figure_{i:06}": i + 0.5 for i in range(size // 35)}
    return json.dumps(json.loads(content) | figures).encode()


def _columns(content: bytes, size: int) -> bytes:
    n = size // 20
    return json.dumps({"iters": list(range(n)), "losses": [3.0 - i / n for i in range(n)]}).encode()


def _frames(content: bytes, size: int) -> bytes:
    one = len(row(0, **{"train/loss": 2.0, "train/global_step": 0}))
    return framed(
        *(row(i, **{"train/loss": 2.0, "train/global_step": i}) for i in range(size // one))
    )


def _rows_of(table: str, columns: str, later: str) -> Callable[[bytes, int], bytes]:
    """A SQLite file with the rows of a table again and again, each time some steps later."""
    again = f"INSERT INTO {table} ({columns}) SELECT {later} FROM {table} WHERE rowid <= ?2"

    def grow(content: bytes, size: int) -> bytes:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "store.db"
            path.write_bytes(content)
            with closing(sqlite3.connect(path)) as store, store:
                (rows,) = store.execute(f"SELECT max(rowid) FROM {table}").fetchone()
                for i in _until(store, size):
                    store.execute(again, (i * _STEP, rows))
            return path.read_bytes()

    return grow


def _until(store: sqlite3.Connection, size: int) -> Iterator[int]:
    """1, 2, 3 until the file is that large."""
    (page,) = store.execute("PRAGMA page_size").fetchone()
    i = 0
    while store.execute("PRAGMA page_count").fetchone()[0] * page < size:
        yield (i := i + 1)


_METRIC = ("key, value, timestamp, run_uuid, step, is_nan",
           "key, value, timestamp + ?1, run_uuid, step + ?1, is_nan")  # fmt: skip
_LOGGED = ("run_id, timestamp, run_name, step, metrics",
           "run_id, timestamp, run_name, step + ?1, metrics")  # fmt: skip
_GROWTH: dict[str, Callable[[bytes, int], bytes]] = {
    "trainer-state": _history,
    "results": _figures,
    "json": _columns,
    "wandb": _frames,
    "mlflow": _rows_of("metrics", *_METRIC),
    "trackio": _rows_of("metrics", *_LOGGED),
}
