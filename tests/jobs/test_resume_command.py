"""`resume` as it is typed: what goes on, what is refused, and what is never deleted."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from living import ended

from halting import stopping_after
from huohou import api
from huohou.cli.main import run
from huohou.record import checkpoints
from huohou.record.events import Follower
from small_disk import small_disk
from tiny import CHATML, tiny_llama_folder
from waiting import wait_until

BOTH = pytest.mark.usefixtures("either_database")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, data, a run file, and a run that was stopped on its way to update 100."""
    home = tmp_path_factory.mktemp("stopped")
    tiny_llama_folder(home / "model", spread=0.1)
    rows = [
        {"prompt": f"What is the code of branch {i}?", "completion": f"{i * 7919 % 10**6:06d}"}
        for i in range(20)
    ]
    for name, some in (("train", rows), ("eval", rows[:4])):
        text = "".join(json.dumps(row) + "\n" for row in some)
        (home / f"{name}.jsonl").write_text(text, encoding="utf-8")
    (home / "run.yaml").write_text(
        "name: codes\nmodel: model\ndata: {train: train.jsonl, eval: eval.jsonl}\n"
        "train: {num_epochs: 20, batch_size: 4, learning_rate: 1e-2, device: cpu, dtype: float32,\n"
        "        evals_per_epoch: 0.5}\nlora: {rank: 4}\n",
        encoding="utf-8",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUOHOU_HOME", str(home / "runs"))
        patch.setenv("HUOHOU_LANG", "en")
        plan = api.make_plan(home / "run.yaml")
        assert plan.prediction.updates == 100
        with stopping_after(14, home / "site"):  # one checkpoint later than the first evaluation
            assert api.train(plan)["status"] == "stopped"
    return home


@pytest.fixture
def home(stopped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy to work on, at the same path for the data, its workspace in force."""
    place = tmp_path / "home"
    shutil.copytree(stopped, place)
    for file in place.rglob("*.json*"):
        raw = file.read_bytes()
        if bytes(stopped) in raw and "checkpoints" not in file.parts:
            file.write_bytes(raw.replace(bytes(stopped), bytes(place)))
    monkeypatch.setenv("HUOHOU_HOME", str(place / "runs"))
    monkeypatch.chdir(place)
    return place


def journal(home: Path, job: str = "1-codes") -> list[dict[str, Any]]:
    return Follower(home / "runs" / job / "job.jsonl").poll()


def steps(home: Path, job: str = "1-codes") -> list[tuple[int, int]]:
    events = Follower(home / "runs" / job / "events.jsonl").poll()
    return [(e["seg"], e["step"]) for e in events if e["kind"] == "metrics"]


@BOTH
def test_it_goes_on_where_it_stood_and_says_so(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = steps(home)
    last = max(step for _, step in before)
    assert run(["resume", "last"]) == 0
    assert "completed" in capsys.readouterr().out
    assert steps(home) == [*before, *((1, step) for step in range(last + 1, 101))]
    log = (home / "runs/1-codes/train.log").read_text(encoding="utf-8")
    assert f"Going on from step {last}" in log
    said = [e["text"] for e in journal(home) if e["kind"] == "alert"]
    assert any("resume" in text and f"step {last}" in text for text in said)
    assert len(list((home / "runs").glob("*-codes"))) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("data", "training rows (sha256): was"),
        ("template", "chat template (sha256): was"),
        ("weights", "weights of the base model (sha256): was"),
    ],
)
def test_a_changed_world_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], change: str, words: str
) -> None:
    if change == "data":
        with (home / "train.jsonl").open("a", encoding="utf-8") as out:
            out.write('{"prompt": "one more", "completion": "1"}\n')
    elif change == "template":
        template = CHATML.replace("assistant", "helper")
        (home / "model/chat_template.jinja").write_text(template, encoding="utf-8")
    else:
        weights = home / "model/model.safetensors"
        raw = bytearray(weights.read_bytes())
        raw[-1] ^= 1
        weights.write_bytes(bytes(raw))
    before = len(journal(home))
    assert run(["resume", "1"]) == 2
    told = capsys.readouterr().err
    assert words in told and "--branch" in told
    assert len([line for line in told.splitlines() if ": was" in line]) == 1, (
        "that and nothing else"
    )
    assert len(journal(home)) == before, "nothing was started"


def test_another_rank_is_refused_as_resume_and_as_branch(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["resume", "1", "-s", "lora.rank=8"]) == 2
    assert "--branch" in capsys.readouterr().err
    assert run(["resume", "1", "--branch", "wide", "-s", "lora.rank=8"]) == 2
    assert "lora.rank: was 4, is 8" in capsys.readouterr().err
    assert run(["resume", "1", "--from", "checkpoint-4"]) == 2
    assert "--branch NAME" in capsys.readouterr().err


@pytest.mark.slow
@BOTH
def test_a_branch_is_a_new_job_and_leaves_the_old_one(home: Path) -> None:
    kept = {p: p.read_bytes() for p in (home / "runs/1-codes").rglob("*") if p.is_file()}
    name = checkpoints.listed(home / "runs/1-codes/checkpoints")[0].name
    step = int(name.rpartition("-")[2])
    assert run(["resume", "1", "--from", name, "--branch", "exact"]) == 0
    assert steps(home, "2-exact") == [(0, n) for n in range(step + 1, 101)]
    assert run(["resume", "1", "--branch", "gentler", "-s", "train.learning_rate=1e-3"]) == 0
    assert steps(home, "3-gentler") == [(0, n) for n in range(1, 101)]
    for path, content in kept.items():
        if path.name != "heartbeat":
            assert path.read_bytes() == content, path


@pytest.mark.slow
def test_a_changed_branch_goes_on_from_its_own_checkpoint_or_begins_with_the_same_weights(
    home: Path,
) -> None:
    origin = checkpoints.listed(home / "runs/1-codes/checkpoints")[-1]
    assert (checkpoints.step_of(origin) or 0) > 5, "else this would prove nothing"
    shorter = ("train.learning_rate=1e-3", "train.num_epochs=1")
    assert api.branch("1", "gentler", flags=shorter)["status"] == "completed"
    assert steps(home, "2-gentler") == [(0, step) for step in range(1, 6)]
    assert run(["resume", "2", "--extend-epochs", "1"]) == 0
    assert steps(home, "2-gentler")[5:] == [(1, step) for step in range(6, 11)]

    shutil.rmtree(home / "runs/2-gentler/checkpoints")
    assert run(["resume", "2", "--extend-epochs", "1"]) == 0
    assert steps(home, "2-gentler")[10:] == [(2, step) for step in range(1, 16)]
    starts = [
        e for e in Follower(home / "runs/2-gentler/events.jsonl").poll() if e["kind"] == "start"
    ]
    assert [Path(e["weights_from"]).name for e in (starts[0], starts[2])] == [origin.name] * 2
    assert "weights_from" not in starts[1]


@pytest.mark.slow
def test_a_finished_run_is_extended_and_not_repeated(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["resume", "1"]) == 0
    assert run(["resume", "1"]) == 2
    assert "--extend-epochs" in capsys.readouterr().err
    assert run(["resume", "1", "--extend-epochs", "1"]) == 0
    assert steps(home)[-5:] == [(2, n) for n in range(101, 106)]
    folder = home / "runs/1-codes"
    plans = [json.loads((folder / n).read_text())["settings"]["train.num_epochs"]["value"] for n in ("plan.1.json", "plan.json")]  # fmt: skip
    assert plans == [20, 21]
    shown = api.run("1")
    assert (shown["epochs"], shown["steps"], shown["status"]) == (21.0, 105, "completed")


@pytest.mark.slow
def test_a_damaged_checkpoint_is_skipped_with_a_note(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = home / "runs/1-codes/checkpoints"
    *_, before, last = checkpoints.listed(place)
    weights = last / "optimizer.pt"
    weights.write_bytes(weights.read_bytes()[:100])
    assert run(["resume", "1"]) == 0
    told = capsys.readouterr().err
    assert last.name in told and "optimizer.pt" in told
    assert (place / f"damaged-{last.name}").is_dir(), "kept"
    begun = int(before.name.rpartition("-")[2]) + 1
    assert [step for seg, step in steps(home) if seg == 1] == list(range(begun, 101))


@pytest.mark.slow
def test_a_run_without_a_checkpoint_begins_again_and_says_so(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(home / "runs/1-codes/checkpoints")
    assert run(["resume", "1", "--branch", "x"]) == 2
    assert "no checkpoint" in capsys.readouterr().err
    assert run(["resume", "1"]) == 0
    assert "step 0 again" in capsys.readouterr().err
    assert [step for seg, step in steps(home) if seg == 1] == list(range(1, 101))


@BOTH
def test_where_no_checkpoint_is_whole_nothing_begins_anew_unasked(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in checkpoints.listed(home / "runs/1-codes/checkpoints"):
        (place / "optimizer.pt").unlink()
    before = len(journal(home))
    assert run(["resume", "1"]) == 2
    told = capsys.readouterr().err
    assert "optimizer.pt is missing" in told and "--if-exists new" in told
    assert len(journal(home)) == before


@pytest.mark.slow
def test_a_disk_that_fills_while_it_saves(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real checkpoints on a small disk: those before the full one are whole, and it goes on."""
    with small_disk(tmp_path / "disk", 3000) as disk:
        monkeypatch.setenv("HUOHOU_HOME", str(disk))
        every = ["-s", "train.evals_per_epoch=5", "-s", "train.keep_checkpoints=100"]
        assert run(["train", "run.yaml", *every]) == 1
        shown = api.run("last")
        assert shown["status"] == "failed"
        assert shown["error"].startswith("The disk is full")
        folder = disk / "1-codes"
        saved = checkpoints.listed(folder / checkpoints.FOLDER)
        assert len(saved) >= 3
        assert checkpoints.newest(folder / checkpoints.FOLDER)[1] == [], "none is half"
        trained = [e for e in Follower(folder / "events.jsonl").poll() if e["kind"] == "metrics"]
        assert [e["step"] for e in trained] == list(range(1, len(trained) + 1))
        database = sqlite3.connect(disk / "huohou.db")
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for path in saved[:-2]:
            shutil.rmtree(path)
        assert run(["resume", "1"]) in (0, 1)
        begun = next(e for e in Follower(folder / "events.jsonl").poll() if "resumed_from" in e)
        assert checkpoints.name(begun["resumed_from"]) == saved[-1].name


@pytest.mark.slow
@BOTH
def test_it_goes_on_without_a_terminal(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = home / "runs" / "1-codes"
    assert run(["resume", "1", "--detach"]) == 0
    assert "huohou watch 1" in capsys.readouterr().out
    wait_until(lambda: ended(home / "runs", 1))
    lines = Follower(folder / "job.jsonl").poll()
    states = [(line["seg"], line["state"]) for line in lines if line["kind"] == "state"]
    last = [(1, state) for state in ("queued", "starting", "running", "completed")]
    assert states[-4:] == last
    begun = [e for e in Follower(folder / "events.jsonl").poll() if e["kind"] == "start"][-1]
    assert begun["resumed_from"] > 0
