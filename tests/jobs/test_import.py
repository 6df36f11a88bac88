"""A foreign log taken in as a run: nothing of it is changed, and the doctor says the same of it."""

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from databases import tables
from huohou import api
from huohou.cli.main import run
from huohou.errors import DataError, HuohouError
from huohou.record.readers import read
from huohou.record.record import Record
from huohou.record.store import Store

SHARED = Path(__file__).parents[3] / "shared" / "data"


def state(history: list[dict[str, Any]], **facts: Any) -> str:
    return json.dumps({"global_step": 40, "max_steps": 40, "log_history": history} | facts)


def a_trainer_state() -> str:
    history: list[dict[str, Any]] = []
    for step in range(1, 41):
        loss = math.nan if step == 30 else 2 / step
        place = {"epoch": step / 20, "step": step}
        history.append({"loss": loss, "learning_rate": 1e-4, "grad_norm": math.inf} | place)
        if step % 10 == 0:
            history.append({"eval_loss": 2 / step + step / 100, "eval_runtime": 1.0} | place)
    history.append({"train_runtime": 9.5, "train_loss": 0.3, "epoch": 2.0, "step": 40})
    return state(history, num_train_epochs=2, train_batch_size=4, best_metric=math.nan)


def a_restart() -> str:
    rows = [*range(1, 40), *range(1, 30)]
    told = ({"current_steps": s, "total_steps": 90, "loss": 3 / s, "epoch": s / 30} for s in rows)
    return "\n".join(json.dumps(row | {"elapsed_time": "0:00:01"}) for row in told)


REPORT = """# Results

Before the repair: Loss: 0.3133 -> 0.3133 -> 0.3133

Epoch 1:  Train Loss: 0.2720, Val Loss: 0.2236
Epoch 2:  Train Loss: 0.1930, Val Loss: 0.1658
Epoch 3:  Train Loss: 0.1449, Val Loss: 0.1262

Val Metrics: MSE=2.3, RMSE=1.5, MAE=1.5

Top-3 accuracy: 30.0% (15/50). The loss has converged well.
"""

LOGS = {
    "report.md": REPORT,
    "trainer_state.json": a_trainer_state(),
    "trainer_log.jsonl": a_restart(),
    "epochs.jsonl": "\n".join(f'{{"epoch": {e}, "train_loss": {3 / e}}}' for e in range(1, 40)),
    "timed.csv": "step,loss,val_loss,time,seg,line\n"
    + "".join(f"{i},{3 / i},{'' if i % 5 else 3 / i},{1e9 + i},7,8\n" for i in range(1, 60)),
    "bare.json": json.dumps({"loss": [3.0, 2.0, 1.5, 0.0, 0.0, 0.0] * 3}),
    "jumping.csv": "step,loss\n" + "".join(f"{i},{i / 10}\n" for i in range(60, 0, -1)),
}


@pytest.fixture(params=LOGS)
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "output" / "my-model" / str(request.param)
    path.parent.mkdir(parents=True)
    path.write_text(LOGS[request.param])
    return path


def as_is(record: Record) -> dict[str, list[str]]:
    """Points by series; a name that our events need for themselves has a dash behind it."""
    ours = {"seg": "seg_", "line": "line_"}
    series = record.series.items()
    return {ours.get(name, name): [repr(p) for p in points] for name, points in series}


def judged(told: dict[str, Any]) -> dict[str, Any]:
    """What a diagnosis says, without where it was read."""
    kept = ("verdict", "findings", "ran", "skipped", "claims", "gates")
    return {key: told[key] for key in kept}


def test_the_run_is_the_log(log: Path) -> None:
    content = log.read_bytes()
    done = api.import_log(log)
    folder = Path(done["folder"])
    assert (done["recipe"], done["schema"]) == ("import", 1)
    original, ours = read(log), read(folder)
    assert as_is(ours) == as_is(original)
    assert {name: repr(ours.facts[name]) for name in original.facts} == {
        name: repr(value) for name, value in original.facts.items()
    }
    assert set(original.notes) <= set(ours.notes)
    assert judged(api.diagnose(str(done["id"])).as_dict()) == judged(api.diagnose(log).as_dict())
    assert log.read_bytes() == content
    assert (folder / f"original-{log.name}").read_bytes() == content


@pytest.mark.usefixtures("either_database")
def test_the_index_is_rebuilt(log: Path) -> None:
    api.import_log(log)
    before = tables(Store())
    assert before["metrics"]
    assert api.reindex()["jobs"] == 1
    assert tables(Store()) == before


@pytest.mark.parametrize(
    ("name", "status", "numbers"),
    [
        ("trainer_state.json", "completed", (40, 40, 2.0, 2.0)),
        ("trainer_log.jsonl", "stopped", (29, 90, 29 / 30, None)),
        ("epochs.jsonl", "completed", (None, None, 39.0, None)),
        ("timed.csv", "completed", (59, None, None, None)),
    ],
)
def test_the_columns(tmp_path: Path, name: str, status: str, numbers: tuple[Any, ...]) -> None:
    path = tmp_path / name
    path.write_text(LOGS[name])
    found = api.import_log(path, name="theirs")
    assert (found["name"], found["status"]) == ("theirs", status)
    columns = (found["step"], found["steps"], found["current_epoch"], found["epochs"])
    assert columns == pytest.approx(numbers)
    assert (found["started_at"] is not None) == (name == "timed.csv")
    assert found["segments"] == (2 if name == "trainer_log.jsonl" else 1)


def test_a_run_is_called_after_its_log(tmp_path: Path) -> None:
    for place in ("out/demo/checkpoint-40/trainer_state.json", "out/mine.json"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(LOGS["trainer_state.json"])
    for place, name in {
        "out/demo/checkpoint-40/trainer_state.json": "demo",
        "out/demo": "demo",
        "out/mine.json": "mine",
    }.items():
        assert api.import_log(tmp_path / place)["name"] == name


def test_what_is_no_log_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("fruit,price\na,3\n")
    with pytest.raises(DataError, match="no column"):
        api.import_log(path)
    assert not (tmp_path / "runs").exists()


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "trainer_log.jsonl"
    path.write_text(LOGS[path.name])
    assert run(["runs", "import", str(path), "--name", "qwen"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("Run 1 (qwen)  stopped")
    assert "read by llamafactory, points: loss 68" in told
    assert "huohou diagnose 1" in told
    assert run(["runs", "import", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["points"] == {"loss": 68}
    assert run(["--lang", "zh", "watch", "1"]) == 130
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "第 29 步，共 90 步  第 0.97 轮，共 ? 轮  损失 0.1034",
        "任务 1（qwen）  已停止",
    ]


def shared_logs() -> Iterator[Path]:
    """Every tenth of the real logs that can be read."""
    index = SHARED / "INDEX.tsv"
    if index.exists():
        with index.open(encoding="utf-8", newline="") as table:
            rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
        paths = [SHARED / row["local_path"] for row in rows if row["group"] == "logs"]
        yield from sorted(path for path in paths if path.stat().st_size < 500_000)[::10]


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data, which is not part of this")
def test_real_logs() -> None:
    taken = 0
    for path in shared_logs():
        try:
            original = read(path)
        except HuohouError:
            continue
        done = api.import_log(path)
        assert as_is(read(Path(done["folder"]))) == as_is(original), path
        told = [api.diagnose(where).as_dict() for where in (str(done["id"]), path)]
        assert judged(told[0]) == judged(told[1]), path
        taken += 1
    assert taken > 5
