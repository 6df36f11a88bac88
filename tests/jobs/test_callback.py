"""HuohouCallback in trainers of other people: a real Trainer on a tiny model."""

import math
from pathlib import Path
from typing import Any

import pytest

from huohou import HuohouCallback, api
from huohou.record.events import Follower
from huohou.record.readers.huohou_run import read_run
from tiny import tiny_llama

ROWS = [{"input_ids": [1, 2, 3, 4], "labels": [1, 2, 3, 4]} for _ in range(8)]


def arguments(place: Path, kind: Any = None, **more: Any) -> Any:
    from transformers import TrainingArguments

    return (kind or TrainingArguments)(
        output_dir=str(place / "my-model"),
        num_train_epochs=2,
        per_device_train_batch_size=4,
        logging_steps=1,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        **{"eval_strategy": "epoch", "save_strategy": "epoch", "save_only_model": True} | more,
    )


def a_trainer(place: Path, callback: HuohouCallback, model: Any = None, **more: Any) -> Any:
    from transformers import Trainer

    return Trainer(
        model=model or tiny_llama(),
        args=arguments(place, **more),
        train_dataset=ROWS,
        eval_dataset=ROWS[:2],
        callbacks=[callback],
    )


def test_a_training_is_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trainer = a_trainer(tmp_path, HuohouCallback(vocabulary=None, note="first try"))
    trainer.train()
    trainer.evaluate()  # after the end: judges other weights and is left out
    found = api.run("my-model")
    assert (found["status"], found["recipe"]) == ("completed", "trainer")
    assert (found["step"], found["steps"], found["current_epoch"], found["epochs"]) == (4, 4, 2, 2)
    folder = Path(found["folder"])
    record = read_run(folder)
    logged = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    assert record.values("loss") == logged
    assert len(record.values("eval_loss")) == 2
    assert {"learning_rate", "grad_norm", "eval_runtime"} <= record.series.keys()
    assert "train_runtime" not in record.series
    assert record.facts["checkpoints"] == [2, 4]
    assert (record.facts["batch_size"], record.facts["note"]) == (4, "first try")
    kinds = [e["kind"] for e in Follower(folder / "job.jsonl").poll()]
    assert kinds.count("alert") == 1  # the NaN filter is on by default
    assert "logging_nan_inf_filter" in str(Follower(folder / "job.jsonl").poll())
    assert "huohou watch 1" in capsys.readouterr().err
    assert api.diagnose("1").as_dict()["source"]["updates"] == 4


def test_nan_is_nan(tmp_path: Path) -> None:
    import torch

    model = tiny_llama()
    with torch.no_grad():
        next(model.parameters()).fill_(math.nan)
    quiet = {"logging_nan_inf_filter": False, "eval_strategy": "no", "save_strategy": "no"}
    a_trainer(tmp_path, HuohouCallback("nan"), model, **quiet).train()
    found = api.run("nan")
    assert found["train_loss"] == "NaN"
    assert "alert" not in [e["kind"] for e in Follower(Path(found["folder"]) / "job.jsonl").poll()]
    assert "nan-loss" in [finding.code for finding in api.diagnose("nan").findings]


def test_a_training_that_breaks_and_begins_again(tmp_path: Path) -> None:
    class Broken(list[Any]):
        def __getitem__(self, place: Any) -> Any:
            if self.armed and place == 7:
                raise RuntimeError("a bad row")
            return super().__getitem__(place)

        armed = True

    callback = HuohouCallback("again")
    trainer = a_trainer(tmp_path, callback, save_strategy="no")
    trainer.train_dataset = rows = Broken(ROWS)
    with pytest.raises(RuntimeError, match="a bad row"):
        trainer.train()
    rows.armed = False
    trainer.train()
    assert [run["status"] for run in api.runs()["runs"]] == ["completed", "stopped"]


def test_somebody_asks_it_to_stop(tmp_path: Path) -> None:
    class Asked(HuohouCallback):
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            assert self.run is not None and self.run.folder is not None
            (self.run.folder / "stop").write_text("")
            self.run._keeper.stop_asked = True  # what its thread finds within a second

    trainer = a_trainer(tmp_path, Asked("asked"))
    trainer.train()
    assert trainer.state.global_step == 1
    found = api.run("asked")
    assert found["status"] == "stopped"
    assert read_run(Path(found["folder"])).facts["checkpoints"] == [1]


def test_only_the_first_process_of_a_training_writes(tmp_path: Path) -> None:
    from transformers import TrainerControl, TrainerState

    callback = HuohouCallback("second")
    state = TrainerState(max_steps=4, num_train_epochs=2)
    state.is_world_process_zero = False
    given = (arguments(tmp_path), state, TrainerControl())
    callback.on_train_begin(*given)
    callback.on_log(*given, logs={"loss": 1.0, "epoch": 0.5})
    callback.on_save(*given)
    callback.on_step_end(*given)
    callback.on_train_end(*given)
    assert not (tmp_path / "runs").exists()


# TRL 1.16 asks transformers for settings by names that transformers 5.23 calls old.
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_in_trl(tmp_path: Path) -> None:
    trl = pytest.importorskip("trl", reason="TRL comes with the extra `bench`")
    from datasets import Dataset

    from tiny import tiny_tokenizer

    rows = Dataset.from_list([{"prompt": "a b c", "completion": " d"}] * 8)
    trainer = trl.SFTTrainer(
        model=tiny_llama(),
        args=arguments(tmp_path, trl.SFTConfig, eval_strategy="no", save_strategy="no", bf16=False),
        train_dataset=rows,
        processing_class=tiny_tokenizer(),
        callbacks=[HuohouCallback("trl")],
    )
    trainer.train()
    found = api.run("trl")
    assert (found["status"], found["step"]) == ("completed", 4)
    assert {"loss", "mean_token_accuracy"} <= read_run(Path(found["folder"])).series.keys()
