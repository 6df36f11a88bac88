"""Structured logs of known trainers: ms-swift, Lightning, Keras, evaluators, exports, results."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huohou.diagnose.engine import diagnose
from huohou.errors import DataError
from huohou.record.readers import read
from huohou.record.readers.ms_swift import duration
from huohou.record.readers.sentence_transformers import measure
from huohou.record.record import Record


def write(folder: Path, name: str, *lines: object) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return path


def places(record: Record, name: str) -> list[tuple[int | None, float | None, int]]:
    return [(p.step, p.epoch, p.seg) for p in record.points(name)]


def swift(step: int, elapsed: str, **more: object) -> dict[str, object]:
    row: dict[str, object] = {"loss": 2.5 - step / 10, "grad_norm": 1.5, "learning_rate": 1e-4}
    row |= {"token_acc": 0.5, "epoch": step / 10, "global_step/max_steps": f"{step}/20"}
    row |= {"percentage": f"{step * 5:.2f}%", "elapsed_time": elapsed, "remaining_time": "1m 2s"}
    return row | {"memory(GiB)": 3.82, "train_speed(s/it)": 5.7} | more


SWIFT_END = {
    "train_dataset": "112.5±30.2, min=12, max=900, size=450",
    "val_dataset": "110.0±31.0, min=20, max=300, size=50",
    "best_model_checkpoint": "/out/v0-20240601-120000/checkpoint-20",
    "best_metric": 1.25,
    "log_history": [{"loss": 9.9, "step": 1}],
}


def test_ms_swift(tmp_path: Path) -> None:
    evaluated = {"eval_loss": 1.5, "eval_token_acc": 0.6, "epoch": 2.0}
    evaluated |= {"global_step/max_steps": "20/20", "elapsed_time": "2m 1s"}
    ended = {"train_runtime": 121.0, "train_loss": 1.9, "global_step/max_steps": "20/20"}
    rows = [swift(1, "6s"), swift(10, "1m 1s"), swift(20, "2m 0s"), evaluated, ended, SWIFT_END]
    record = read(write(tmp_path, "logging.jsonl", *rows))
    assert record.source["reader"] == "ms-swift"
    assert record.values("loss") == [2.4, 1.5, 0.5], "the history at the end is no second run"
    assert places(record, "loss") == [(1, 0.1, 0), (10, 1.0, 0), (20, 2.0, 0)]
    assert [p.line for p in record.points("loss")] == [1, 2, 3]
    assert record.values("eval_token_acc") == [0.6] and "train_loss" not in record.series
    facts = record.facts
    assert (facts["max_steps"], facts["global_step"], facts["finished"]) == (20, 20, True)
    assert (facts["rows"], facts["eval_rows"], facts["best_step"]) == (450, 50, 20)
    assert facts["best_metric"] == 1.25 and facts["summary"]["train_loss"] == 1.9


def test_ms_swift_taken_up_again(tmp_path: Path) -> None:
    rows = [swift(1, "6s"), swift(10, "1h 1m 1s"), swift(11, "7s")]
    record = read(write(tmp_path, "logging.jsonl", *rows))
    assert [p.seg for p in record.points("loss")] == [0, 0, 1], "the clock went back, not the step"
    assert record.facts["finished"] is False


def test_ms_swift_megatron(tmp_path: Path) -> None:
    rows = [{"lm loss": 2.0 / n, "iteration": f"{n}/300", "elapsed_time": "6s"} for n in (5, 10)]
    record = read(write(tmp_path, "logging.jsonl", *rows))
    assert record.source["reader"] == "ms-swift" and record.facts["max_steps"] == 300
    assert places(record, "loss") == [(5, None, 0), (10, None, 0)]


@given(st.integers(0, 10**7))
def test_durations(seconds: int) -> None:
    minutes, s = divmod(seconds, 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    assert duration(f"{days}d {h}h {m}m {s}s") == seconds


def test_lightning(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "lightning_logs/version_0/metrics.csv",
        "epoch,lr-AdamW,step,train_loss_epoch,train_loss_step,val_acc,val_loss",
        "0,,49,,2.5,,",
        ",0.001,49,,,,",
        "0,,99,,,0.5,2.2",
        "0,,99,2.6,,,",
        "1,,149,,1.5,,",
    )
    record = read(path)
    assert record.source["reader"] == "lightning"
    assert record.values("loss") == [2.5, 1.5], "the finer of two"
    assert record.values("loss_epoch") == [2.6] and record.values("learning_rate") == [0.001]
    assert places(record, "eval_loss") == [(99, 1.0, 0)], "written when the first pass is done"
    assert places(record, "loss") == [(49, 0.0, 0), (149, 1.0, 0)]
    assert record.points("eval_accuracy" if "eval_accuracy" in record.series else "eval_acc")


def test_lightning_without_steps_of_batches(tmp_path: Path) -> None:
    text = ("epoch,step,test_loss,train_loss_epoch,val_loss", "0,9,,2.0,", "0,9,,,1.9", "0,9,1.8,,")
    record = read(write(tmp_path, "metrics.csv", *text))
    assert record.values("loss") == [2.0] and record.values("eval_loss") == [1.9]
    assert record.values("test_loss") == [1.8], "the loss of a test is not the evaluation's"


def test_keras(tmp_path: Path) -> None:
    text = (
        "epoch,accuracy,loss,lr,val_accuracy,val_loss",
        "0,0.5,0.9,0.01,0.4,1.0",
        "1,0.6,nan,0.01,NA,0.9",
        "0,0.5,0.9,0.01,0.4,1.0",
    )
    record = read(write(tmp_path, "history.csv", *text))
    assert record.source["reader"] == "keras"
    assert places(record, "eval_loss") == [(None, 1.0, 0), (None, 2.0, 0), (None, 1.0, 1)]
    assert math.isnan(record.values("loss")[1]) and len(record.points("eval_accuracy")) == 2
    assert record.values("learning_rate") == [0.01] * 3 and record.points("loss")[0].line == 2


@pytest.mark.parametrize(
    "head", ["epoch,loss,accuracy", "epoch,loss,step", "epoch,loss,val_f1", "step,loss"]
)
def test_other_tables_are_not_of_keras(tmp_path: Path, head: str) -> None:
    record = read(write(tmp_path, "a.csv", head, "0,1.0,0.5", "1,0.9,0.6"))
    assert record.source["reader"] == "csv" and "columns read as" in record.notes[0]


def test_evaluators(tmp_path: Path) -> None:
    head = "epoch,steps,cosine-Accuracy@1,cosine-Recall@10,cosine-MRR@10,cosine-NDCG@10"
    text = (head, "-1,-1,0.1,0.2,0.3,0.4", "0.5,10,0.5,0.6,0.7,0.8", "1.0,20,0.6,0.7,0.8,0.9")
    again = ("0.5,10,0.55,0.6,0.7,0.8", "-1,-1,0.7,0.8,0.9,1.0")
    name = "Information-Retrieval_evaluation_dev_results.csv"
    record = read(write(tmp_path, name, *text, *again))
    assert record.source["reader"] == "sentence-transformers"
    assert record.source["evaluated_on"] == "dev"
    assert record.values("eval_cosine_ndcg@10") == [0.8, 0.9, 0.8]
    assert places(record, "eval_cosine_mrr@10") == [(10, 0.5, 0), (20, 1.0, 0), (10, 0.5, 1)]
    figures = [(f.name, f.value, f.line, f.when) for f in record.figures]
    assert figures[0] == ("eval_cosine_accuracy@1", 0.1, 2, "before")
    assert figures[-1] == ("eval_cosine_ndcg@10", 1.0, 6, "after")


def test_evaluator_of_the_older_fit(tmp_path: Path) -> None:
    text = ("epoch,steps,cosine_pearson,cosine_spearman", "0,500,0.5,0.5", "0,-1,0.6,0.6")
    more = ("1,500,0.65,0.65", "1,-1,0.7,0.7", "0,500,0.5,0.5")
    record = read(write(tmp_path, "similarity_evaluation_sts-dev_results.csv", *text, *more))
    assert record.source["evaluated_on"] == "sts-dev"
    wanted = [(None, 0.0, 0), (None, 1.0, 0), (None, 1.0, 0), (None, 2.0, 0), (None, 0.0, 1)]
    assert places(record, "eval_spearman_cosine") == wanted, "steps begin anew in every epoch"


def test_evaluator_outside_of_training(tmp_path: Path) -> None:
    text = ("epoch,steps,kl_divergence", "-1,-1,0.07", "-1,-1,0.09")
    record = read(write(tmp_path, "distillation_evaluation_results.csv", *text))
    assert not record.series and [f.value for f in record.figures] == [0.07, 0.09]
    assert diagnose(record).verdict == "cannot-judge"


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("accuracy_cosine", "eval_cosine_accuracy"),
        ("euclidean-MAP@100", "eval_euclidean_map@100"),
        ("cosine_spearman", "eval_spearman_cosine"),
        ("MAP", "eval_map"),
        ("Macro_F1", "eval_macro_f1"),
    ],
)
def test_measures_have_the_names_of_the_trainer(column: str, name: str) -> None:
    assert measure(column) == name


def test_panel_export_of_several_runs(tmp_path: Path) -> None:
    head = ["Step"]
    for run in ("old - 1", "new", "best - 2"):
        head += [f"{run} - train/loss", f"{run} - train/loss__MIN", f"{run} - train/loss__MAX"]
    text = ('"' + '","'.join(head) + '"', "1,5,5,5,4,4,4,,,", "2,,,,3,3,3,,,", "3,,,,2,2,2,9,9,9")
    record = read(write(tmp_path, "wandb_export.csv", *text))
    assert record.source["reader"] == "wandb-csv" and record.source["run"] == "new"
    assert record.values("loss") == [4, 3, 2] and list(record.series) == ["loss"]
    assert any("old - 1, best - 2" in note for note in record.notes)


def test_history_export(tmp_path: Path) -> None:
    head = "val/loss,_step,train/loss,_runtime,lr,_timestamp,Sample"
    text = (head, "4.0,0,4.1,1.5,1e-5,1779.5,x", ",10,3.5,2.5,1e-3,1780.5,", "3.0,20,,3,1e-4,1781,")
    record = read(write(tmp_path, "history.csv", *text))
    assert record.source["reader"] == "wandb-csv" and "columns read as" in record.notes[0]
    assert [(p.step, p.value, p.t) for p in record.points("eval_loss")] == [
        (0, 4.0, 1779.5),
        (20, 3.0, 1781),
    ]


def test_results(tmp_path: Path) -> None:
    found = {"epoch": 3.0, "predict_bleu-4": 90.9, "predict_rouge-l": 91.0, "train_loss": 0.5}
    found |= {"train_runtime": 100.0, "train_samples": 450, "model": "x", "eval_loss": math.nan}
    path = tmp_path / "all_results.json"
    path.write_text(json.dumps(found, indent=4))
    record = read(path)
    assert record.source["reader"] == "results" and not record.series
    figures = {figure.name: figure for figure in record.figures}
    assert figures["predict_bleu-4"].value == 90.9 and figures["predict_bleu-4"].line == 3
    assert math.isnan(figures["eval_loss"].value) and "model" not in figures
    assert record.facts["rows"] == 450 and record.facts["finished"] is True
    judged = diagnose(record)
    assert judged.verdict == "cannot-judge" and judged.needs and "curve" in record.notes[0]


def test_summary_of_wandb(tmp_path: Path) -> None:
    summary = {"train/loss": 10.7, "_step": 20, "_runtime": 674.8, "_wandb": {"runtime": 674}}
    record = read(write(tmp_path, "wandb-summary.json", summary))
    assert next((f.name, f.value) for f in record.figures) == ("train/loss", 10.7)


@pytest.mark.parametrize(
    "content",
    [{"lr": 1e-4}, {"eval_loss": "low"}, {"train_loss": [1, 2]}, [1], {"train_loss": 1, "_": {}}],
)
def test_what_is_no_results_file(tmp_path: Path, content: object) -> None:
    path = write(tmp_path, "a.json", content)
    try:
        record = read(path)
    except DataError:
        return
    assert content in ({"train_loss": [1, 2]}, {"train_loss": 1, "_": {}})
    assert record.source["reader"] in ("json", "results")


def history(*rows: dict[str, object], **more: object) -> dict[str, object]:
    return {"global_step": 20, "max_steps": 40, "log_history": list(rows)} | more


def test_state_that_goes_on_after_a_summary(tmp_path: Path) -> None:
    rows = [
        {"loss": "2.5", "step": 10, "epoch": "0.5"},
        {"train_runtime": 5.0, "train_loss": 2.5, "step": 10, "epoch": 0.5},
        {"eval_loss": 2.4, "step": 10, "epoch": 0.5},
        {"loss": 2.0, "learning_rate": 1e-4, "step": 20, "epoch": 1.0},
        {"eval_loss": 2.1, "step": 20, "epoch": 1.0},
    ]
    record = read(write(tmp_path, "trainer_state.json", history(*rows)))
    assert record.values("loss") == [2.5, 2.0], "numbers as strings, and a training that went on"
    assert record.values("eval_loss") == [2.1] and record.facts["finished"] is False


def test_state_with_several_evaluation_sets(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = []
    for step in (10, 20):
        rows += [{"loss": 3 - step / 10, "step": step}]
        rows += [{f"eval_{name}_loss": step / 5, "step": step} for name in ("dev", "test")]
    record = read(write(tmp_path, "trainer_state.json", history(*rows)))
    assert record.values("eval_dev_loss") == [2.0, 4.0] == record.values("eval_test_loss")
    assert record.segments() == [0]


def test_log_of_the_newer_llamafactory(tmp_path: Path) -> None:
    rows = [{"step": n, "total_steps": 9, "loss": 3.0 / n, "grad_norm": 1.0} for n in (3, 6, 9)]
    record = read(write(tmp_path, "trainer_log.jsonl", *rows))
    assert record.source["reader"] == "llamafactory" and record.facts["finished"] is True
    assert places(record, "loss") == [(3, None, 0), (6, None, 0), (9, None, 0)]
    assert record.values("grad_norm") == [1.0] * 3


READERS = ("ms-swift", "lightning", "keras", "sentence-transformers", "wandb-csv", "results")
HEADS = st.sampled_from(
    [
        "epoch,steps,cosine-Accuracy@1",
        "epoch,accuracy,loss,val_loss",
        "epoch,step,train_loss_step",
        "Step,a - loss,b - loss,b - loss__MIN",
        "_step,_runtime,loss",
        '{"global_step/max_steps": "1/2", "loss": 1}',
        '{"train_loss": 1e999, "train_runtime": "x"',
    ]
)
CELLS = st.sampled_from(["0", "-1", "1.5", "nan", "inf", "1e400", "", '"', "x", "9" * 30, "\0"])
LINES = st.lists(st.lists(CELLS, max_size=5).map(",".join), max_size=6)


@pytest.mark.parametrize("name", ["a_results.csv", "logging.jsonl", "all_results.json"])
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(head=HEADS, lines=LINES)
def test_odd_tables_are_read_or_refused(
    tmp_path: Path, name: str, head: str, lines: list[str]
) -> None:
    path = write(tmp_path, name, head, *lines)
    for reader in (None, *READERS):
        try:
            assert isinstance(read(path, reader), Record)
        except DataError as error:
            assert str(error)


def test_columns_that_are_not_known_as_a_loss_are_named(tmp_path: Path) -> None:
    rows = [f"{i},{2 / i},{2.1 / i},{i}" for i in range(1, 11)]
    record = read(write(tmp_path, "log.csv", "iteration,tr_loss,valid_nll,my_metric", *rows))
    note = " ".join(note for note in record.notes if "rename" in note)
    assert all(name in note for name in ("tr_loss", "valid_nll", "my_metric", "eval_loss"))
    assert "iteration" not in note
    for first, second in (("train_loss", "valid_nll"), ("tr_loss", "val_loss")):
        known = read(write(tmp_path, "log.csv", f"iteration,{first},{second},my_metric", *rows))
        assert not [note for note in known.notes if "rename" in note]
    rated = read(write(tmp_path, "log.jsonl", *({"step": i, "lr": 1e-4} for i in range(1, 11))))
    assert not [note for note in rated.notes if "rename" in note], "there is nothing to rename"
