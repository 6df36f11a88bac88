"""A run that was stopped and resumed is the run that was not stopped, to the last bit."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import load_file
from test_sft import events, planned

from huohou.plan import Plan
from huohou.recipes import Start, forward, sft
from huohou.record import checkpoints
from huohou.record.recorder import Recorder
from tiny import tiny_llama_folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama_folder(tmp_path_factory.mktemp("model"), spread=0.1)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def life(
    plan: Plan, folder: Path, seg: int = 0, stop_at: int | None = None, **start: Any
) -> list[dict[str, Any]]:
    """One process life in this process; events of this life."""
    folder.mkdir(exist_ok=True)
    path = folder / "events.jsonl"

    def should_stop() -> bool:
        return stop_at is not None and steps(path, seg) >= stop_at

    with Recorder(path, seg) as recorder:
        sft.run(plan, folder, recorder, should_stop, Start(**start))
    return [e for e in events(path) if e["seg"] == seg]


def steps(path: Path, seg: int) -> int:
    return sum(e["kind"] == "metrics" and e["seg"] == seg for e in events(path))


def adapter(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter" / "adapter_model.safetensors")


def losses(found: list[dict[str, Any]]) -> dict[int, float]:
    return {e["step"]: e["loss"] for e in found if e["kind"] == "metrics"}


OPTIONS = ("train.schedule=cosine", "train.warmup_ratio=0.2", "lora.dropout=0.1")


class Whole(NamedTuple):
    """A run that was never stopped: its folder, and the events of its one life."""

    folder: Path
    events: list[dict[str, Any]]


def whole_run(place: Path, model: Path, *options: str) -> Whole:
    return Whole(place / "whole", life(planned(place, model, *options), place / "whole"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Whole:
    """With OPTIONS; of the same rows as the runs of the tests, which only read it."""
    return whole_run(tmp_path_factory.mktemp("whole"), model, *OPTIONS)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Whole:
    """Without them."""
    return whole_run(tmp_path_factory.mktemp("plain"), model)


@pytest.mark.parametrize("stop_at", [2, 3, 5])
def test_stopped_and_resumed_is_the_same_run(
    tmp_path: Path, model: Path, whole: Whole, stop_at: int
) -> None:
    """With dropout: random states matter. Stops: inside the first pass, at its end, later.

    It stops at the end of the step in which it is asked, one more than have been logged.
    """
    plan = planned(tmp_path, model, *OPTIONS)
    first = life(plan, tmp_path / "job", stop_at=stop_at)
    point, damaged = checkpoints.newest(tmp_path / "job" / checkpoints.FOLDER)
    assert point is not None and not damaged
    assert point.step == stop_at + 1
    second = life(plan, tmp_path / "job", 1, checkpoint=point.path)
    start = next(e for e in second if e["kind"] == "start")
    assert start["resumed_from"] == stop_at + 1
    assert losses(first) | losses(second) == losses(whole.events)
    assert set(losses(second)) == set(range(stop_at + 2, 9)), "no step is trained twice or left out"
    expected, found = adapter(whole.folder), adapter(tmp_path / "job")
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_resume_without_the_weights_would_be_noticed(
    tmp_path: Path, model: Path, whole: Whole
) -> None:
    """The comparison above can fail: from the weights alone the course is another one."""
    plan = planned(tmp_path, model, *OPTIONS)
    expected = losses(whole.events)
    life(plan, tmp_path / "job", stop_at=3)
    point, _ = checkpoints.newest(tmp_path / "job" / checkpoints.FOLDER)
    assert point is not None
    anew = life(plan, tmp_path / "other", checkpoint=point.path, weights_only=True)
    assert next(e for e in anew if e["kind"] == "start")["weights_from"] == str(point.path)
    found = losses(anew)
    assert set(found) == set(range(1, 9)), "optimizer, schedule and count begin anew"
    assert found[1] != expected[1], "the weights are not those of the begin"
    assert found != expected


def test_patience_goes_on_counting(tmp_path: Path, model: Path) -> None:
    """Two evaluations without a better one, the first before the stop, end the run."""
    options = ("train.num_epochs=8", "train.learning_rate=1e-30", "train.early_stopping_patience=2")
    plan = planned(tmp_path, model, *options)
    whole = life(plan, tmp_path / "whole")
    last = max(losses(whole))
    assert last == 12, "of 32: the second and third evaluation are no better than the first"
    life(plan, tmp_path / "job", stop_at=last - 2)
    point, _ = checkpoints.newest(tmp_path / "job" / checkpoints.FOLDER)
    assert point is not None
    second = life(plan, tmp_path / "job", 1, checkpoint=point.path)
    assert max(losses(second)) == last


def test_a_longer_run_goes_on_past_its_plan(tmp_path: Path, model: Path) -> None:
    """With the learning rate that a run planned that long has, from the first step on."""
    plan = planned(tmp_path, model, "train.schedule=cosine")
    life(plan, tmp_path / "job")
    point, _ = checkpoints.newest(tmp_path / "job" / checkpoints.FOLDER)
    assert point is not None and point.step == 8
    longer = planned(tmp_path, model, "train.schedule=cosine", "train.num_epochs=3")
    second = life(longer, tmp_path / "job", 1, checkpoint=point.path)
    assert set(losses(second)) == {9, 10, 11, 12}
    whole = life(longer, tmp_path / "whole")
    planned_rates = {e["step"]: e["learning_rate"] for e in whole if e["kind"] == "metrics"}
    for event in second:
        if event["kind"] == "metrics":
            assert event["learning_rate"] == planned_rates[event["step"]]


def test_a_damaged_checkpoint_is_not_loaded(tmp_path: Path, model: Path) -> None:
    from huohou.errors import DataError

    plan = planned(tmp_path, model)
    life(plan, tmp_path / "job", stop_at=4)
    point, _ = checkpoints.newest(tmp_path / "job" / checkpoints.FOLDER)
    assert point is not None
    weights = point.path / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"adapter_model\.safetensors"):
        life(plan, tmp_path / "job", 1, checkpoint=point.path)


# Lack of memory


class Narrow:
    """A memory that holds so many positions: a pass over more of them fails as torch fails."""

    def __init__(self, positions: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.positions, self.passes = positions, 0
        self.logits = forward.logits
        monkeypatch.setattr(forward, "logits", self)

    def __call__(self, model: torch.nn.Module, batch: forward.Batch) -> torch.Tensor:
        found = self.logits(model, batch)
        self.passes += 1
        # The first passes are the check of the fast pass; what does not fit fails in training.
        recomputes = any(getattr(m, "gradient_checkpointing", False) for m in model.modules())
        room = self.positions * (4 if recomputes else 1)
        if self.passes > 1 and len(batch.ids) > room and model.training:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"
            )
        return found


@pytest.mark.parametrize(("room", "recompute"), [(150, False), (100, False), (30, True)])
def test_an_update_that_does_not_fit_is_cut_and_stays_the_same(
    tmp_path: Path,
    model: Path,
    plain: Whole,
    monkeypatch: pytest.MonkeyPatch,
    room: int,
    recompute: bool,
) -> None:
    plan = planned(tmp_path, model)
    Narrow(room, monkeypatch)
    found = life(plan, tmp_path / "job")
    alerts = [e for e in found if e["kind"] == "alert"]
    assert alerts and all("memory" in e["text"] for e in alerts)
    assert alerts[-1]["recompute"] == recompute
    assert losses(found) == pytest.approx(losses(plain.events), abs=1e-5)
    norms = [
        {e["step"]: e["grad_norm"] for e in run if e["kind"] == "metrics"}
        for run in (found, plain.events)
    ]
    assert norms[0] == pytest.approx(norms[1], abs=1e-5)


def test_where_nothing_is_left_to_cut_it_says_what_to_change(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huohou.recipes.memory import NotEnoughMemoryError

    plan = planned(tmp_path, model)
    Narrow(1, monkeypatch)
    with pytest.raises(NotEnoughMemoryError, match=r"max_length or lora\.rank"):
        life(plan, tmp_path / "job")
