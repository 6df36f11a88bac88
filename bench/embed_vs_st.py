"""huohou's recipe embed against sentence-transformers' trainer, in turn, on the same rows.

Run as: python bench/embed_vs_st.py [--quick]

Both train all-MiniLM-L6-v2 in float32 with in-batch InfoNCE (MultipleNegativesRankingLoss, scale
20), 32 pairs an update, AdamW, the same rows in updates of the same composition. Each side is its
own whole training loop; what is timed is updates, in turns: huohou, sentence-transformers, huohou,
..., the first of each loop, which warms up, left out. Beside the seconds on the clock there are
the processor's, which other work on the machine disturbs less. sentence-transformers has its best
settings for a CPU: fused AdamW, scaled-dot-product attention, no gradient checkpointing, no
logging, nothing saved.

Rows: questions with their passage (XQuAD, English, one question a passage: no text comes twice in
an update, so nothing is gained by encoding it once) and short questions of one intent (BANKING77).

Apart from that: the recipe with embed.group_passages against the same recipe without, a pass over
all questions of 33 articles, and nDCG@10 of the questions of the other 15.
"""

import csv
import random
import statistics
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from torch.utils.data import SequentialSampler
from transformers import TrainerCallback, TrainingArguments, set_seed
from transformers.utils import logging

from _common import arguments, report
from huohou.data.pairs import PairSet, Passage, Query, read_pairs, split_pairs
from huohou.measure.intervals import paired_interval
from huohou.measure.retrieval import measures
from huohou.models.encoder import load_encoder
from huohou.models.names import resolve
from huohou.recipes.embedding.chance import Chance, quicken
from huohou.recipes.embedding.gradient import Cut, Learner
from huohou.recipes.embedding.judge import ranking
from huohou.recipes.embedding.rows import groups_of, rows_of
from huohou.recipes.embedding.table import trim
from huohou.recipes.embedding.trainer import EmbedTrainer
from huohou.recipes.losses import losses

MODEL, BATCH, RATE, LENGTH, TOKENS = "minilm-l6", 32, 2e-5, 256, 2048
DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
XQUAD = DATA / "qa" / "google-deepmind__xquad" / "xquad.en.json"
BANKING = DATA / "bank_faq" / "PolyAI-LDN__task-specific-datasets" / "banking_data" / "train.csv"


@dataclass
class Clock(TrainerCallback):
    """Seconds of each update, on the clock and of the processor."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.started = time.perf_counter(), time.process_time()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.wall.append(time.perf_counter() - self.started[0])
        self.cpu.append(time.process_time() - self.started[1])


def as_pairs(rows: list[tuple[str, str]]) -> PairSet:
    """Rows of a query and its passage; no passage comes twice."""
    passages = [Passage(f"p{i}", text, f"p{i}") for i, (_, text) in enumerate(rows)]
    queries = [Query(f"q{i}", text, (f"p{i}",)) for i, (text, _) in enumerate(rows)]
    return PairSet("bench", "pairs", tuple(passages), tuple(queries))


def long_rows(count: int) -> list[tuple[str, str]]:
    """One question of each passage of XQuAD."""
    pairs = read_pairs(XQUAD)
    asked = {query.positives[0]: query.text for query in pairs.queries}
    rows = [(text, pairs.passage(id).text) for id, text in asked.items()]
    return random.Random(7).sample(rows, count)


def short_rows(count: int) -> list[tuple[str, str]]:
    """Two questions of one intent of BANKING77."""
    by_intent: dict[str, list[str]] = {}
    with BANKING.open(encoding="utf-8") as source:
        for row in csv.DictReader(source):
            by_intent.setdefault(row["category"], []).append(row["text"].strip())
    rows = [pair for t in by_intent.values() for pair in zip(t[::2], t[1::2], strict=False)]
    return random.Random(7).sample(rows, count)


def common() -> dict[str, Any]:
    """Settings of transformers' Trainer that both sides have."""
    return {
        "per_device_train_batch_size": BATCH,
        "num_train_epochs": 1,
        "learning_rate": RATE,
        "use_cpu": True,
        "dataloader_pin_memory": False,
        "save_strategy": "no",
        "logging_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
    }


class InOrder(EmbedTrainer):
    """Rows in their order, as on the other side."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        rows: Any = self.train_dataset
        return SequentialSampler(rows)


class TheirsInOrder(SentenceTransformerTrainer):
    """Rows in their order."""

    def get_batch_sampler(  # type: ignore[override]
        self, dataset: Any, batch_size: int, drop_last: bool, **_: Any
    ) -> Any:
        from sentence_transformers.base.sampler import DefaultBatchSampler

        return DefaultBatchSampler(
            SequentialSampler(dataset), batch_size=batch_size, drop_last=drop_last
        )


def learner(pairs: PairSet) -> tuple[Learner, list[Any]]:
    """The encoder as the recipe trains it, and the rows in tokens."""
    encoder, chance = load_encoder(MODEL, max_length=LENGTH), Chance()
    rows = rows_of(pairs, encoder)
    quicken(encoder.transformer, chance)
    trim(encoder, {token for row in rows for text in (row.query, *row.trained) for token in text})
    return Learner(encoder, losses.get("info-nce")(scale=20.0, learn_scale=False), chance), rows


def trainer(kind: Any, found: Learner, groups: Any, clock: Clock, **changed: Any) -> Any:
    """Our trainer over groups of rows."""
    folder = tempfile.mkdtemp()
    return kind(
        model=found,
        args=TrainingArguments(
            output_dir=folder, remove_unused_columns=False, **(common() | changed)
        ),
        train_dataset=groups,
        data_collator=lambda chosen: {"rows": chosen},
        callbacks=[clock],
        cut=Cut(TOKENS),
        new_rate=RATE,
        judge=lambda _: {},
        seed=1,
    )


def ours(rows: list[tuple[str, str]]) -> Clock:
    """The clock of a pass by huohou."""
    set_seed(1)
    clock = Clock()
    found, own = learner(as_pairs(rows))
    trainer(InOrder, found, groups_of(own, by_passage=False), clock).train()
    return clock


def theirs(rows: list[tuple[str, str]]) -> Clock:
    """The clock of a pass by sentence-transformers."""
    set_seed(1)
    clock = Clock()
    model = SentenceTransformer(str(resolve(MODEL).folder), device="cpu")
    model.max_seq_length = LENGTH
    data = {"anchor": [a for a, _ in rows], "positive": [b for _, b in rows]}
    with tempfile.TemporaryDirectory() as folder:
        TheirsInOrder(
            model=model,
            args=SentenceTransformerTrainingArguments(
                output_dir=folder, optim="adamw_torch_fused", **common()
            ),
            train_dataset=Dataset.from_dict(data),
            loss=MultipleNegativesRankingLoss(model, scale=20.0),
            callbacks=[clock],
        ).train()
    return clock


def compared(rows: list[tuple[str, str]], rounds: int, name: str) -> dict[str, float]:
    """Both sides in turn; ratios of the medians over updates of all rounds."""
    mine, other = Clock(), Clock()
    for i in range(rounds):
        for side, total in ((ours, mine), (theirs, other)):
            found = side(rows)
            total.wall += found.wall[1:]
            total.cpu += found.cpu[1:]
            told = f"{statistics.median(found.wall[1:]):.2f} s an update"
            cpu = f"{statistics.median(found.cpu[1:]):.2f} s of the processor"
            print(f"{name}, round {i + 1}, {side.__name__}: {told}, {cpu}", file=sys.stderr)
    ratios = [
        statistics.median(getattr(other, kind)) / statistics.median(getattr(mine, kind))
        for kind in ("wall", "cpu")
    ]
    return {
        f"{name}_speedup": round(ratios[0], 2),
        f"{name}_speedup_cpu": round(ratios[1], 2),
        f"{name}_pairs_per_second": round(BATCH / statistics.median(mine.wall), 2),
        f"{name}_pairs_per_second_st": round(BATCH / statistics.median(other.wall), 2),
    }


def grouped(epochs: float) -> dict[str, float]:
    """Passages dealt to updates, against queries dealt to updates: time of a pass, and quality."""
    pairs = read_pairs(XQUAD)
    parts = split_pairs(pairs, 0.0, 15 / 48, 7)
    train, test = parts["train"], parts["test"]
    used = {id for query in train.queries for id in query.positives}
    print(f"{len(train)} queries of {len(used)} passages; {len(test)} held out", file=sys.stderr)
    values, seconds = {}, {}
    for by_passage in (True, False):
        set_seed(1)
        clock = Clock()
        found, own = learner(train)
        # Fewer updates of more queries each: the rate grows with the root of their number.
        groups = groups_of(own, by_passage=by_passage)
        rate = RATE * (len(own) / len(groups)) ** 0.5
        options = {"num_train_epochs": epochs, "learning_rate": rate}
        trainer(EmbedTrainer, found, groups, clock, **options).train()
        seconds[by_passage] = sum(clock.cpu), sum(clock.wall)
        found.eval()
        values[by_passage] = measures(ranking(found.encoder, test, "cosine"))["ndcg@10"]
        told = f"{sum(clock.wall):.0f} s, nDCG@10 {values[by_passage].mean():.4f}"
        print(f"passages dealt: {by_passage}: {told}", file=sys.stderr)
    base = measures(ranking(load_encoder(MODEL, max_length=LENGTH), test, "cosine"))["ndcg@10"]
    documents = [test.documents_of(query)[0] for query in test.queries]
    gap = paired_interval(values[True].tolist(), values[False].tolist(), groups=documents)
    return {
        "grouped_speedup": round(seconds[False][1] / seconds[True][1], 2),
        "grouped_speedup_cpu": round(seconds[False][0] / seconds[True][0], 2),
        "ndcg_base": round(float(np.mean(base)), 4),
        "ndcg_queries_dealt": round(float(values[False].mean()), 4),
        "ndcg_passages_dealt": round(float(values[True].mean()), 4),
        "ndcg_difference": round(gap.value, 4),
        "ndcg_difference_low": round(gap.low or 0.0, 4),
        "ndcg_difference_high": round(gap.high or 0.0, 4),
    }


def main() -> int:
    """Run and report."""
    options = arguments(str(__doc__))
    warnings.filterwarnings("ignore")
    logging.set_verbosity_error()
    if not XQUAD.is_file() or not BANKING.is_file():
        print(f"needs {XQUAD} and {BANKING}", file=sys.stderr)
        return 3
    steps, rounds = (3, 1) if options.quick else (7, 3)
    figures = compared(long_rows(steps * BATCH), rounds, "xquad")
    figures |= compared(short_rows(2 * steps * BATCH), rounds, "short")
    targets: dict[str, dict[str, float]] = {
        "xquad_speedup": {"min": 1.4},
        "short_speedup": {"min": 2.2},
    }
    if not options.quick:
        figures |= grouped(3)
        targets |= {"grouped_speedup": {"min": 2.5}, "ndcg_difference_low": {"min": -0.01}}
    report("embed_vs_st", figures, targets)
    return 0


if __name__ == "__main__":
    torch.set_num_interop_threads(1)
    sys.exit(main())
