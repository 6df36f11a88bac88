"""Folders as trainers leave them: what belongs to one run is put together, other runs are named."""

import json
import math
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huohou.diagnose.engine import diagnose
from huohou.errors import DataError
from huohou.record.readers import _search, candidates, read
from huohou.record.record import Record

LOSSES = [3.0, 2.4, 2.0, 1.7, 1.5, 1.4]


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def state(path: Path, losses: list[float], evals: dict[int, float] | None = None) -> Path:
    rows: list[dict[str, Any]] = []
    for at, loss in enumerate(losses, start=1):
        rate = 1e-4 * (1 - at / 10)
        rows.append({"loss": loss, "grad_norm": 1.0 + at, "learning_rate": rate, "step": at * 10})
        rows[-1]["epoch"] = at / 2
        if evals and at * 10 in evals:
            rows.append({"eval_loss": evals[at * 10], "step": at * 10, "epoch": at / 2})
    facts = {"global_step": len(losses) * 10, "max_steps": 60, "train_batch_size": 8}
    return write(path / "trainer_state.json", facts | {"num_train_epochs": 3, "log_history": rows})


def lf_log(path: Path, losses: list[float], first: int = 1) -> Path:
    rows = [
        {"current_steps": at * 10, "total_steps": 60, "loss": loss, "lr": 1e-4, "epoch": at / 2}
        | {"elapsed_time": f"0:{at - first + 1:02}:00"}
        for at, loss in enumerate(losses, start=first)
    ]
    path.mkdir(parents=True, exist_ok=True)
    with (path / "trainer_log.jsonl").open("a", encoding="utf-8") as log:
        log.writelines(json.dumps(row) + "\n" for row in rows)
    return path / "trainer_log.jsonl"


def name(path: object) -> str:
    return Path(str(path)).name


def test_log_results_and_settings_of_one_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    lf_log(out, LOSSES)
    state(out / "checkpoint-50", LOSSES[:5], {50: 1.6})
    state(out / "checkpoint-20", LOSSES[:2])
    results = {"epoch": 3.0, "train_runtime": 60.0, "train_loss": 2.0, "predict_bleu-4": 90.9}
    write(out / "all_results.json", results)
    write(out / "predict_results.json", {"predict_bleu-4": 90.9})
    write(out / "train.yaml", "learning_rate: 1e-4\nper_device_train_batch_size: 4\nseed: 1\n")
    write(out / "checkpoint-50" / "adapter_config.json", {"r": 16, "lora_alpha": 32})
    (out / "training_args.bin").write_bytes(pickle.dumps({"learning_rate": 1.0}))
    write(out / "generated_predictions.jsonl", '{"predict": "a", "label": "a"}\n')

    record = read(out)
    assert name(record.source["path"]) == "trainer_log.jsonl", "it goes further than the state"
    assert record.values("loss") == LOSSES, "counted once"
    assert len(record.points("grad_norm")) == 5 and record.values("eval_loss") == [1.6]
    assert record.source["series_from"]["grad_norm"] == "checkpoint-50/trainer_state.json"
    assert "loss" not in record.source["series_from"]
    assert [f.name for f in record.figures].count("predict_bleu-4") == 1
    assert record.source["figures_from"]["predict_bleu-4"] == "all_results.json"
    facts = record.facts
    assert facts["checkpoints"] == [20, 50] and facts["summary"]["train_loss"] == 2.0
    assert (facts["lora_rank"], facts["seed"], facts["learning_rate"]) == (16, 1, 1e-4)
    assert facts["batch_size"] == 8, "a state counts both devices: no contradiction"
    assert facts["from"]["lora_rank"] == "checkpoint-50/adapter_config.json"
    assert facts["from"]["batch_size"] == "checkpoint-50/trainer_state.json"
    assert facts["predictions"].endswith("generated_predictions.jsonl")
    notes = "\n".join(record.notes)
    assert "training_args.bin" in notes and "generated_predictions.jsonl" in notes
    assert "not judged" not in notes and "seed is" not in notes
    assert set(map(name, record.source["files"])) >= {"trainer_log.jsonl", "all_results.json"}
    assert diagnose(record).source["points"]["loss"] == 6


def test_a_log_wins_over_its_settings(tmp_path: Path) -> None:
    state(tmp_path, LOSSES)
    wrong = {"max_steps": 100, "num_train_epochs": 5, "learning_rate": 1e-6, "logging_steps": 10}
    write(tmp_path / "training_args.json", wrong | {"per_device_train_batch_size": 3})
    record = read(tmp_path)
    facts = record.facts
    assert (facts["max_steps"], facts["num_train_epochs"], facts["batch_size"]) == (60, 3, 8)
    assert "learning_rate" not in facts, "rates of 9e-5 were logged"
    told = [note for note in record.notes if "training_args.json" in note]
    assert len(told) == 4 and facts["logging_steps"] == 10


def test_settings_that_only_look_different(tmp_path: Path) -> None:
    state(tmp_path, LOSSES)
    alike = {"num_train_epochs": 2.5, "learning_rate": 1e-4, "logging_steps": 0.1}
    write(tmp_path / "training_args.json", alike | {"per_device_train_batch_size": 2})
    write(tmp_path / "README.md", "### Training hyperparameters\n- learning_rate: 0.0001\n")
    assert not [note for note in read(tmp_path).notes if " is " in note]


def test_a_training_that_was_taken_up(tmp_path: Path) -> None:
    """The log of both processes has the lives; the state beside it only the last course."""
    lf_log(tmp_path, LOSSES[:4])
    lf_log(tmp_path, LOSSES[2:], first=3)
    state(tmp_path, LOSSES)
    record = read(tmp_path)
    assert [p.seg for p in record.points("loss")] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert [p.seg for p in record.points("grad_norm")] == [0, 0, 1, 1, 1, 1]


def test_evaluators_beside_a_state(tmp_path: Path) -> None:
    out = tmp_path / "model"
    rows = [{"loss": 1.0, "step": 10}, {"eval_dev_cosine_ndcg@10": 0.5, "step": 10}]
    history = {
        "global_step": 20,
        "max_steps": 20,
        "log_history": [*rows, {"loss": 0.9, "step": 20}],
    }
    write(out / "checkpoint-20" / "trainer_state.json", history)
    head = "epoch,steps,cosine-NDCG@10,cosine-MRR@10\n"
    again = "0.5,10,0.1,0.1\n1.0,20,0.2,0.2\n"
    ir = "Information-Retrieval_evaluation_{}_results.csv"
    write(out / "eval" / ir.format("dev"), head + again + "0.5,10,0.5,0.6\n1.0,20,0.55,0.65\n")
    write(out / "eval" / ir.format("test"), head + "1.0,20,0.4,0.5\n")
    record = read(out)
    assert record.values("loss") == [1.0, 0.9]
    assert record.values("eval_dev_cosine_ndcg@10") == [0.5], "logged by the Trainer already"
    assert record.values("eval_cosine_mrr@10") == [0.6, 0.65], "the last of two runs"
    assert record.values("eval_cosine_ndcg@10") == [0.4]
    assert record.values("eval_test_cosine_mrr@10") == [0.5], "the name is taken"
    assert record.source["series_from"]["eval_cosine_mrr@10"] == f"eval/{ir.format('dev')}"


def test_evaluators_alone(tmp_path: Path) -> None:
    text = "epoch,steps,accuracy_cosine\n0,-1,0.5\n1,-1,0.6\n"
    write(tmp_path / "eval" / "triplet_evaluation_dev_results.csv", text)
    write(tmp_path / "eval" / "triplet_evaluation_test_results.csv", text[:-7])
    record = read(tmp_path)
    assert record.values("eval_cosine_accuracy") == [0.5, 0.6]
    assert record.values("eval_test_cosine_accuracy") == [0.5]


def test_results_alone(tmp_path: Path) -> None:
    write(tmp_path / "eval_results.json", {"eval_loss": 1.5, "eval_runtime": 3.0})
    write(tmp_path / "predict_results.json", {"predict_rouge-l": 80.0})
    write(tmp_path / "train.csv", "prompt,loss,answer\na,b,c\n")
    record = read(tmp_path)
    assert {f.name for f in record.figures} >= {"eval_loss", "predict_rouge-l"}
    assert not record.series and diagnose(record).verdict == "cannot-judge"


def swift(folder: Path, losses: list[float]) -> Path:
    rows = [
        {"loss": loss, "global_step/max_steps": f"{at}/60", "epoch": at / 60}
        for at, loss in enumerate(losses, start=1)
    ]
    return write(folder / "logging.jsonl", "\n".join(map(json.dumps, rows)))


def test_runs_of_ms_swift(tmp_path: Path) -> None:
    """The fullest is read; a run that was started twice with one seed is two runs."""
    output = tmp_path / "output" / "qwen"
    swift(output / "v0-20240601-120000", LOSSES[:2])
    swift(output / "v1-20240601-130000", LOSSES)
    state(output / "v1-20240601-130000" / "checkpoint-60", LOSSES[:1])
    write(output / "v1-20240601-130000" / "args.json", {"learning_rate": 1e-4, "seed": 7})
    swift(output / "v2-20240601-140000", [5.0, 4.0, 3.9])
    record = read(tmp_path / "output")
    assert "v1-" in str(record.source["path"]) and record.values("loss") == LOSSES
    assert record.facts["seed"] == 7
    note = next(note for note in record.notes if "huohou diagnose" in note)
    assert (
        "other runs in this folder (2)" in note
        and "v0-" in note
        and "v2-" in note
        and "v1-" not in note
    )


def test_of_equal_runs_the_newest(tmp_path: Path) -> None:
    for number in (1, 10, 2):
        path = write(
            tmp_path / "lightning_logs" / f"version_{number}" / "metrics.csv",
            f"epoch,step,train_loss\n0,9,{number}\n0,19,{number}\n",
        )
        os.utime(path, (1e9 + number, 1e9 + number))
    assert read(tmp_path).values("loss") == [10, 10]


def test_other_logs_of_one_folder_are_named(tmp_path: Path) -> None:
    state(tmp_path, LOSSES)
    write(tmp_path / "metrics.csv", "step,loss\n10,9\n20,8\n")
    record = read(tmp_path)
    assert record.values("loss") == LOSSES
    assert any("metrics.csv" in note for note in record.notes)


def test_one_run_in_two_places(tmp_path: Path) -> None:
    state(tmp_path / "out", LOSSES)
    rows = [
        {"_step": at, "train/global_step": at * 10, "train/loss": loss}
        for at, loss in enumerate(LOSSES, 1)
    ]
    text = "_step,_runtime,train/global_step,train/loss,gpu\n"
    text += "".join(f"{r['_step']},1,{r['train/global_step']},{r['train/loss']},5\n" for r in rows)
    write(tmp_path / "export" / "history.csv", text)
    record = read(tmp_path)
    assert record.values("loss") == LOSSES and len(record.points("gpu")) == 6
    assert not any("not judged" in note for note in record.notes)


def test_the_last_checkpoint_that_can_be_read(tmp_path: Path) -> None:
    state(tmp_path / "checkpoint-30", LOSSES[:3])
    cut = state(tmp_path / "checkpoint-40", LOSSES[:4])
    cut.write_bytes(cut.read_bytes()[:-40])
    assert read(tmp_path).values("loss") == LOSSES[:3]


def test_a_run_of_ours_is_its_folder(tmp_path: Path) -> None:
    start = {"t": 1.0, "seg": 0, "kind": "start", "updates": 4}
    rows = [
        start,
        *({"t": 2.0, "seg": 0, "kind": "metrics", "step": n, "loss": 1.0} for n in (1, 2)),
    ]
    write(tmp_path / "events.jsonl", "\n".join(map(json.dumps, rows)) + "\n")
    state(tmp_path / "checkpoints" / "checkpoint-2", LOSSES)
    write(tmp_path / "README.md", "### Training hyperparameters\n- learning_rate: 0.5\n")
    record = read(tmp_path)
    assert record.source["reader"] == "huohou-run" and record.values("loss") == [1.0, 1.0]
    assert "grad_norm" not in record.series and "checkpoints" not in record.facts


def test_a_process_life_that_nobody_can_have_written_is_the_first(tmp_path: Path) -> None:
    rows = [{"t": 1.0, "seg": seg, "kind": "metrics", "step": 1, "loss": 1.0} for seg in (0, 4e90)]
    write(tmp_path / "events.jsonl", "\n".join(map(json.dumps, rows)) + "\n")
    assert [point.seg for point in read(tmp_path).points("loss")] == [0, 0]


def test_links_out_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    state(tmp_path / "elsewhere", LOSSES)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "trainer_state.json").symlink_to(tmp_path / "elsewhere" / "trainer_state.json")
    (inside / "out").symlink_to(tmp_path / "elsewhere")
    (inside / "loop").symlink_to(inside)
    with pytest.raises(DataError, match="no log in this folder"):
        read(inside)
    (tmp_path / "named").symlink_to(tmp_path / "elsewhere")
    assert read(tmp_path / "named").values("loss") == LOSSES, "a link that is named is meant"


def test_search_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path.joinpath(*"abcdefgh")
    state(deep, LOSSES)
    with pytest.raises(DataError):
        read(tmp_path)
    state(tmp_path / "a", LOSSES)
    for number in range(20):
        write(tmp_path / "b" / f"{number}.txt", "x")
    monkeypatch.setattr(_search, "MANY", 10)
    record = read(tmp_path)
    assert record.values("loss") == LOSSES and any("more files" in note for note in record.notes)


def test_data_is_not_taken_for_a_log(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", "question,answer\n" + "a,b\n" * 200_000)
    write(tmp_path / "rows.csv", "epoch,steps\n1,2\n")
    state(tmp_path, LOSSES)
    record = read(tmp_path)
    assert name(record.source["path"]) == "trainer_state.json"
    assert not any("train.csv" in note for note in record.notes)


def test_reader_by_name(tmp_path: Path) -> None:
    state(tmp_path, LOSSES)
    lf_log(tmp_path, LOSSES[:2])
    assert read(tmp_path, "llamafactory").values("loss") == LOSSES[:2]
    assert [name(path) for path in candidates(tmp_path, "llamafactory")] == ["trainer_log.jsonl"]
    assert {name(path) for path in candidates(tmp_path)} == {
        "trainer_log.jsonl",
        "trainer_state.json",
    }


def test_settings_alone_are_no_run(tmp_path: Path) -> None:
    write(tmp_path / "training_args.json", {"learning_rate": 1e-4, "seed": 1})
    with pytest.raises(DataError, match="no log in this folder"):
        read(tmp_path)


SHARED = Path(__file__).parents[3] / "shared" / "data" / "logs"


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/data is not beside the repository")
def test_real_folders() -> None:
    name_of = "Dockerize_Mistral-7B-v0.2-Chat_0.1.0"
    saved = SHARED / "hiyouga__LLaMA-Factory" / "saves" / "Mistral-7B-v0.2-Chat" / "lora"
    record = read(saved / name_of)
    assert name(record.source["path"]) == "trainer_state.json" and len(record.points("loss")) == 7
    assert record.facts["finished"] and any(f.name == "train_loss" for f in record.figures)
    assert not any("not judged" in note or "also in" in note for note in record.notes)
    runs = SHARED / "modelscope__ms-swift/examples/pytorch/llm/runs/baichuan2-7b-chat"
    record = read(runs)
    assert "v3-" in str(record.source["path"]) and len(record.points("loss")) == 2
    assert (record.facts["gradient_accumulation"], record.facts["dtype"]) == (16, "bf16")
    assert any("v0-" in note for note in record.notes)
    record = read(SHARED / "hsc748NLP__NSLLM")
    assert len(record.points("loss")) == 435 and len(record.points("grad_norm")) == 435
    assert "figures_from" in record.source


FILES = st.sampled_from(
    [
        "trainer_state.json",
        "checkpoint-5/trainer_state.json",
        "trainer_log.jsonl",
        "v1/logging.jsonl",
        "metrics.csv",
        "eval/x_evaluation_results.csv",
        "runs/x/events.out.tfevents.1.a.2",
        "all_results.json",
        "args.json",
        "adapter_config.json",
        "a.yaml",
        "README.md",
    ]
)
TEXTS = st.sampled_from(
    [
        '{"log_history": [{"loss": 1, "step": 1}], "max_steps": NaN}',
        '{"current_steps": 1, "total_steps": 2, "loss": "nan"}',
        "epoch,steps,MAP\n0,-1,0.5\ninf,1,1\n0,1,nan",
        "step,loss\n1,inf\n2,1e400",
        '{"train_loss": 1.0, "train_runtime": 1, "epoch": NaN}',
        '{"learning_rate": NaN, "max_steps": 1e999, "warmup_ratio": "x", "seed": []}',
        "learning_rate: .nan\nmax_steps: 5\nlogging_steps: 0\n",
        '{"loss": 2, "global_step/max_steps": "1/2"}',
        "",
        "\0\1",
    ]
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.dictionaries(FILES, TEXTS, min_size=1, max_size=6))
def test_any_folder(tmp_path_factory: pytest.TempPathFactory, content: dict[str, str]) -> None:
    folder = tmp_path_factory.mktemp("any")
    for path, text in content.items():
        write(folder / path, text)
    try:
        record = read(folder)
    except DataError as error:
        assert str(error)
        return
    assert isinstance(record, Record)
    for points in record.series.values():
        assert all(point.seg >= 0 and not math.isnan(point.seg) for point in points)


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 812345\n"


def test_a_file_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    """The evaluations may stand in it: then \"no evaluation\" is said of a part of the run."""
    lf_log(tmp_path, LOSSES)
    write(tmp_path / "trainer_state.json", POINTER.format("0" * 64))
    record = read(tmp_path)
    assert name(record.source["path"]) == "trainer_log.jsonl"
    told = [note for note in record.notes if "trainer_state.json" in note]
    assert len(told) == 1 and "Git LFS pointer" in told[0] and "git lfs pull" in told[0]
    assert told[0] in diagnose(record).source["notes"]
    (tmp_path / "trainer_state.json").unlink()
    assert not [note for note in read(tmp_path).notes if "Git LFS" in note]


def test_many_files_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    lf_log(tmp_path / "mine", LOSSES)
    write(tmp_path / "mine" / "trainer_state.json", '{"log_history": [{"loss": 1')
    for at in range(5):
        write(tmp_path / f"a{at}" / "trainer_state.json", POINTER.format(str(at) * 64))
    notes = [note for note in read(tmp_path).notes if "lies in the folder" in note]
    assert len(notes) == 3 and "mine" in notes[0] and "broken JSON" in notes[0]
    assert any("3 more files" in note for note in read(tmp_path).notes)
