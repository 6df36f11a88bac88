"""How well a search finds after huohou's two stages, and after sentence-transformers' trainer.

Run as: python bench/retrieval_quality.py [--quick]

XQuAD, English, split by article: 15 articles are the test, 3 are watched by stage 2, the others are
trained on; every question is ranked against all 240 passages. All begin with all-MiniLM-L6-v2 in
float32, 32 questions an update, in-batch InfoNCE of scale 20, AdamW, one peak rate, warm-up and
cosine. sentence-transformers 6.2 trains with MultipleNegativesRankingLoss and no two equal texts in
a batch, twice: as many updates as huohou, and as many as it makes in the time huohou took (its
schedule made for that many). huohou's stage 1 runs as a job, as `huohou train` does; stage 2 goes
on from it.

--quick: 8 updates, no stage 2.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.sampler import BatchSamplers
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from transformers.utils import logging

from _common import arguments, report
from huohou import api
from huohou.data.pairs import PairSet, read_pairs, split_pairs, write_pairs
from huohou.evaluate.card import Comparison
from huohou.evaluate.retrieval.numbers import MAIN, comparison, values_of
from huohou.evaluate.retrieval.searches import Texts, Words
from huohou.evaluate.retrieval.seen import Seen, Task, look
from huohou.measure.intervals import mean_interval
from huohou.models.encoder import load_encoder
from huohou.models.names import resolve

MODEL, BATCH, RATE, LENGTH, WARM = "minilm-l6", 32, 2e-5, 256, 0.1
EPOCHS, QUICK = 2, 8
XQUAD = "qa/google-deepmind__xquad/xquad.en.json"
DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / XQUAD


def stage_one(data: Path, updates: int, queries: int) -> tuple[Path, float]:
    """huohou's stage 1 as a job: its model, and the seconds of its updates."""
    flags = {
        "name": "bench-1",
        "recipe": "embed",
        "model": MODEL,
        "data.train": data,
        "train.batch_size": BATCH,
        "train.learning_rate": RATE,
        "train.max_length": LENGTH,
        "train.num_epochs": updates * BATCH / queries,
        "train.dtype": "float32",
        "embed.learn_scale": "false",
    }
    return _job(flags)


def stage_two(data: Path, model: Path) -> Path:
    """huohou's stage 2 with its defaults: what it trained, whichever model it kept."""
    flags = {
        "name": "bench-2",
        "recipe": "align",
        "model": model,
        "data.train": data,
        "data.eval": data,
        "train.max_length": LENGTH,
        "train.num_epochs": 1,
        "train.dtype": "float32",
    }
    folder = _job(flags)[0].parent
    return folder / "best_model"


def _job(flags: dict[str, Any]) -> tuple[Path, float]:
    plan = api.make_plan(None, [f"{key}={value}" for key, value in flags.items()])
    run = api.train(plan)
    if run["status"] != "completed":
        raise SystemExit(f"{flags['name']} ended as {run['status']}: {run['error']}")
    folder = api.find_run(str(run["id"])).folder
    lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    times = [event["t"] for event in events if event["kind"] == "metrics"]
    # the first update begins before it is told: it counts as a mean one
    return folder / "model", (times[-1] - times[0]) * len(times) / max(1, len(times) - 1)


def theirs(train: PairSet, updates: int, out: Path) -> tuple[Path, float]:
    """sentence-transformers' trainer: its model, and the seconds of its training."""
    model = SentenceTransformer(str(resolve(MODEL).folder), device="cpu")
    model.max_seq_length = LENGTH
    rows = [(query.text, train.passage(query.positives[0]).text) for query in train.queries]
    trainer = SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(
            output_dir=str(out),
            per_device_train_batch_size=BATCH,
            max_steps=updates,
            learning_rate=RATE,
            lr_scheduler_type="cosine",
            warmup_steps=max(1, round(WARM * updates)),
            batch_sampler=BatchSamplers.NO_DUPLICATES,
            use_cpu=True,
            dataloader_pin_memory=False,
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
            seed=42,
        ),
        train_dataset=Dataset.from_dict(
            {"anchor": [q for q, _ in rows], "positive": [p for _, p in rows]}
        ),
        loss=MultipleNegativesRankingLoss(model, scale=20.0),
    )
    began = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - began
    model.save(str(out / "model"))
    return out / "model", seconds


def show(seen: dict[str, Seen], task: Task, seconds: dict[str, float]) -> dict[str, float]:
    """Print the table; nDCG@10 of each as figures."""
    figures = {}
    print(f"{'':18} {'nDCG@10 [95 %]':24} MRR@10 first right recall@10 training s")
    for name, one in seen.items():
        values = values_of(one.ranking)
        found = mean_interval(values[MAIN].tolist(), task.groups)
        figures[f"{name}_ndcg"] = found.value
        others = (float(values[n].mean()) for n in ("mrr@10", "accuracy@1", "recall@10"))
        cells = "  ".join(f"{value:8.4f}" for value in others)
        took = f"{seconds[name]:10.1f}" if name in seconds else ""
        between = f"{found.value:.4f} [{found.low:.4f} {found.high:.4f}]"
        print(f"{name:18} {between:24} {cells} {took}")
    return figures


def told(one: Comparison) -> dict[str, float]:
    """Print a difference; its figures."""
    name = f"{one.first}_minus_{one.second}"
    low, high = one.low or 0.0, one.high or 0.0
    hits = f"{one.hits['only_first']} won, {one.hits['only_second']} lost"
    print(f"{name}: {one.difference:+.4f} [{low:+.4f} {high:+.4f}], p {one.p:.3g}; {hits}")
    return {name: one.difference, f"{name}_low": low, f"{name}_high": high}


def main() -> int:
    """Train, rank, compare, report."""
    quick = arguments(__doc__ or "").quick
    if not DATA.exists():
        print(f"{XQUAD} is not there: nothing to measure", file=sys.stderr)
        return 2
    logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["HUOHOU_HOME"] = str(folder / "runs")
        parts = split_pairs(read_pairs(DATA), 3, 15, seed=42)
        write_pairs(folder / "pairs", parts)
        train, task = parts["train"], Task.of(parts["test"])
        count = len(train.queries)
        updates = QUICK if quick else EPOCHS * -(-count // BATCH)
        print(f"{count} questions trained on, {updates} updates; {len(task.groups)} tested")
        figures = compare(folder, train, task, updates, quick=quick)
    versus = ("sbert_same_steps", "sbert_same_time")
    targets = {f"stage1_minus_{name}_high": {"min": 0.0} for name in versus}
    report("retrieval_quality", figures, targets)
    return 0


def compare(
    folder: Path, train: PairSet, task: Task, updates: int, *, quick: bool
) -> dict[str, float]:
    """All sides trained in turn and ranked alike."""
    seconds: dict[str, float] = {}
    models = {"base": Path(MODEL)}
    models["stage1"], seconds["stage1"] = stage_one(folder / "pairs", updates, len(train.queries))
    same, seconds["sbert_same_steps"] = theirs(train, updates, folder / "same-steps")
    models["sbert_same_steps"] = same
    fewer = max(1, int(updates * seconds["stage1"] / seconds["sbert_same_steps"]))
    timed, seconds["sbert_same_time"] = theirs(train, fewer, folder / "same-time")
    models["sbert_same_time"] = timed
    if not quick:
        models["stage2"] = stage_two(folder / "pairs", models["stage1"])
    seen = {"bm25": look(Words(task.pairs), task)}
    for name, model in models.items():
        encoder = load_encoder(str(model), max_length=LENGTH)
        seen[name] = look(Texts(name, encoder, task.pairs), task)
    figures = show(seen, task, seconds) | {f"{k}_seconds": v for k, v in seconds.items()}
    figures["sbert_same_time_updates"] = fewer
    pairs = [("stage1", name) for name in ("base", "bm25", "sbert_same_steps", "sbert_same_time")]
    pairs += [("stage2", "stage1"), ("stage2", "base")]
    for new, old in pairs:
        if new in seen and old in seen:
            one = comparison(new, old, seen[new].ranking, seen[old].ranking, task)
            figures |= told(one)
    figures["speed_ratio"] = seconds["sbert_same_steps"] / seconds["stage1"]
    return figures


if __name__ == "__main__":
    sys.exit(main())
