"""Rows, losses, evaluations and the truth of the two families of runs.

The truth is measured on rows that no run trains on and no evaluation set holds: for a language
model the loss and the accuracy on 130 pairs of bank and city, for an encoder where the right
document stands among 32.
"""

import math
import random
from typing import Any

import torch
from torch import Tensor, nn

from bench.faultbench import bases
from bench.faultbench.draft import Draft, Inputs
from bench.faultbench.words import CONCEPTS, SLOTS, Row, world

Example = tuple[list[int], list[int]]  # ids, labels (-100: not trained)
TRUTH_CANDIDATES = 32
COPY = 0.3  # a similarity above which a document is taken for a copy
COPIES = 2  # of each right document that stand before the one that counts


class LanguageTask:
    """Questions and answers about the numbers of branches."""

    def __init__(self, draft: Draft) -> None:
        self.draft, here = draft, world(draft.variant)
        chance = random.Random(f"rows:{draft.seed}")
        train = [
            here.row(chance, chance.choice(here.train), draft.desks) for _ in range(draft.rows)
        ]
        watched = [
            here.row(chance, chance.choice(here.eval), draft.desks) for _ in range(draft.eval_rows)
        ]
        if draft.hooks.rows:
            train, watched = draft.hooks.rows(train, watched)
        self.train = [self.encode(row) for row in train]
        self.eval = [self.encode(row) for row in watched]
        if draft.hooks.encoded:
            self.train = draft.hooks.encoded(self.train, "train")
            self.eval = draft.hooks.encoded(self.eval, "eval")
        apart = random.Random(f"truth:{draft.variant}")
        held = [here.row(apart, pair, draft.desks) for pair in here.held_out]
        self.held = collate([self.encode(row) for row in held])

    def encode(self, row: Row) -> Example:
        """A row as token ids with the labels that are trained."""
        made = bases.tokenizer(self.draft.variant)
        prompt, answer = made.encode(row.prompt).ids, [*made.encode(row.answer).ids, bases.EOS]
        masked = [-100] * len(prompt) if self.draft.answer_only else prompt
        return [*prompt, *answer], [*masked, *answer]

    def model(self) -> Any:
        """The base model, with an adapter where the draft says so."""
        base = bases.base(self.draft.arch, self.draft.variant, self.draft.dropout)
        base.config.use_cache = False
        return with_adapter(base, self.draft)

    def batch(self, rows: list[int]) -> Inputs:
        """Training rows as tensors."""
        return collate([self.train[i] for i in rows])

    def loss(self, model: Any, inputs: Inputs) -> Tensor:
        """Mean loss over the labelled tokens of a batch."""
        logits = model(
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
        ).logits
        return nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1).float(), inputs["labels"][:, 1:].flatten()
        )

    @torch.no_grad()
    def evaluate(self, model: Any) -> dict[str, float]:
        """What the run itself sees of its evaluation rows."""
        loss, right, _ = self._score(model, collate(self.eval))
        return {"eval_loss": loss} | ({"eval_token_accuracy": right} if self.draft.metrics else {})

    @torch.no_grad()
    def truth(self, model: Any) -> dict[str, float]:
        """What holds on rows that the run never sees. figure: the loss, the lower the better."""
        loss, right, whole = self._score(model, self.held)
        return {"figure": loss, "loss": loss, "accuracy": right, "answers": whole}

    def _score(self, model: Any, inputs: Inputs) -> tuple[float, float, float]:
        training, way = model.training, model.config._attn_implementation
        model.eval()
        # huohou's trainer leaves its own
        model.config._attn_implementation = bases.attention(self.draft.arch)
        logits = model(
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
        ).logits[:, :-1]
        model.config._attn_implementation = way
        model.train(training)
        target = inputs["labels"][:, 1:]
        on = target != -100
        loss = nn.functional.cross_entropy(logits[on].float(), target[on])
        hits = (logits.argmax(-1) == target) | ~on
        return float(loss), float(hits[on].float().mean()), float(hits.all(1).float().mean())


class SearchTask:
    """Queries and the documents that they are about."""

    def __init__(self, draft: Draft) -> None:
        self.draft, self.here = draft, world(draft.variant)
        chance = random.Random(f"rows:{draft.seed}")
        train = [self._pair(chance, "train") for _ in range(draft.rows)]
        watched = [self._pair(chance, "eval") for _ in range(draft.eval_rows)]
        if draft.hooks.rows:
            train, watched = draft.hooks.rows(train, watched)
        self.train_rows, self.watched_rows = train, watched
        made = bases.tokenizer(draft.variant)
        self.train = [tuple(made.encode(side).ids for side in row) for row in train]
        apart = random.Random(f"truth:{draft.variant}")
        held = [self._pair(apart, "held") for _ in range(128)]
        self.held = self._ranked(held, TRUTH_CANDIDATES, apart)
        self.watched = self._ranked(watched, draft.candidates, chance)
        self.held_pairs, self.eval_pairs = self._encode(held), self._encode(watched)

    def _pair(self, chance: random.Random, part: str) -> tuple[str, str, str]:
        """Query, its document, and one that says nearly the same."""
        while True:
            concepts = tuple(chance.randrange(CONCEPTS) for _ in range(SLOTS))
            sixth = sum(concepts[k] * CONCEPTS**k for k in range(SLOTS)) % 6
            if part == ("held", "eval", "train", "train", "train", "train")[sixth]:
                break
        other = list(concepts)
        for k in chance.sample(range(SLOTS), 2):
            other[k] = chance.randrange(CONCEPTS)
        here = self.here
        near = here.document(tuple(other))
        wrong = self.draft.desks / 2
        return here.query(concepts, chance, wrong), here.document(concepts), near

    def _encode(self, rows: list[tuple[str, str, str]]) -> Inputs:
        made = bases.tokenizer(self.draft.variant)
        return stacked([tuple(made.encode(side).ids for side in row) for row in rows])

    def _ranked(
        self, rows: list[tuple[str, str, str]], count: int, chance: random.Random
    ) -> tuple[Inputs, Tensor]:
        """Encoded rows and, for each, which documents it is ranked among, the right one first.

        Documents are numbered: those of the rows, then the near ones.
        """
        n = len(rows)
        others = [
            [i, n + i, *chance.sample([j for j in range(n) if j != i], min(count, n) - 2)]
            for i in range(n)
        ]
        return self._encode(rows), torch.tensor(others)

    def model(self) -> Any:
        """The base encoder with its scale, and an adapter where the draft says so."""
        body = bases.base(self.draft.arch, self.draft.variant, self.draft.dropout)
        return Encoder(with_adapter(body, self.draft), self.draft.scale, self.draft.learn_scale)

    def batch(self, rows: list[int]) -> Inputs:
        """Training rows as tensors."""
        return stacked([self.train[i] for i in rows])

    def loss(self, model: Any, inputs: Inputs) -> Tensor:
        """The draft's loss over a batch."""
        names = ("query", "document", *(("near",) if self.draft.hard else ()))
        query, document, *near = model(torch.cat([inputs[name] for name in names])).chunk(
            len(names)
        )
        right = (query * document).sum(-1)
        if inputs.get("positives_only"):
            return nn.functional.softplus(-model.scale() * right).mean()
        if self.draft.loss_kind == "in-batch":
            logits = model.scale() * query @ torch.cat([document, *near]).T
            return nn.functional.cross_entropy(logits, torch.arange(len(query)))
        other = near[0] if near else document.roll(1, 0)
        wrong = (query * other).sum(-1)
        if self.draft.loss_kind == "margin":
            return nn.functional.relu(self.draft.margin - right + wrong).mean()
        losses = [nn.functional.softplus(s * model.scale()) for s in (-right, wrong)]
        return torch.stack(losses).mean()

    @torch.no_grad()
    def evaluate(self, model: Any) -> dict[str, float]:
        """What the run itself sees of its evaluation rows."""
        training = model.training
        model.eval()
        found = {"eval_loss": self._held_loss(model, self.eval_pairs)}
        if self.draft.metrics:
            place = self._places(model, *self.watched, self.draft.ranking)
            found["eval_accuracy@1"] = float((place == 0).float().mean())
            found["eval_accuracy@3"] = float((place < 3).float().mean())
            found["eval_mrr"] = float((1 / (place + 1)).mean())
        if self.draft.mse_scale:
            found |= self._scaled(model)
        model.train(training)
        return found

    def _scaled(self, model: Any) -> dict[str, float]:
        """Errors of scaled similarities of right pairs against 1."""
        query, document = model(self.eval_pairs["query"]), model(self.eval_pairs["document"])
        off = self.draft.mse_scale * (query * document).sum(-1) - 1
        mse = float((off**2).mean())
        return {"eval_mse": mse, "eval_rmse": mse**0.5, "eval_mae": float(off.abs().mean())}

    @torch.no_grad()
    def truth(self, model: Any) -> dict[str, float]:
        """What holds on rows that the run never sees. figure: 1 - MRR among 32 documents."""
        training = model.training
        model.eval()
        place = self._places(model, *self.held)
        loss = self._held_loss(model, self.held_pairs)
        documents = model(self.held[0]["document"])
        alike = (documents @ documents.T).fill_diagonal_(0).sum() / (len(documents) ** 2)
        model.train(training)
        figure = 1 - float((1 / (place + 1)).mean())
        return {
            "cosine": float(alike),
            # nothing is before a score that is no number, which is not to say that it is right
            "figure": figure if math.isfinite(loss) else math.nan,
            "loss": loss,
            "accuracy": float((place == 0).float().mean()),
        }

    def _held_loss(self, model: Any, rows: Inputs) -> float:
        """The training loss over rows in batches of the training's size."""
        size, total, n = min(self.draft.batch_size, len(rows["query"])), 0.0, 0
        only = self.draft.facts.get("eval_positives_only")
        for k in range(0, len(rows["query"]) - size + 1, size):
            part: Inputs = {name: ids[k : k + size] for name, ids in rows.items()}
            part["positives_only"] = only
            total, n = total + float(self.loss(model, part)), n + 1
        return total / n

    def _places(self, model: Any, rows: Inputs, among: Tensor, ranking: str = "right") -> Tensor:
        """Documents that stand before the right one of each query: [N]. Of ties half do."""
        query = model(rows["query"])
        documents = torch.cat([model(rows["document"]), model(rows["near"])])
        scores = (query[:, None] * documents[among]).sum(-1)
        if ranking == "ignored":  # as a document with the number of the query
            scores[:, 0] = -torch.inf
        elif ranking == "whole":  # scores cut to whole numbers, of equal ones the first wins
            scores = scores.trunc()
            return (scores[:, 1:] >= scores[:, :1]).sum(1).float()
        elif ranking == "rest":  # without the first: where that is the right one, it is not there
            ahead = (scores[:, 1:] > scores[:, :1]).sum(1).float()
            return torch.where(ahead == 0, torch.inf, ahead - 1)
        elif ranking == "distinct":  # without copies of the query; the right one may be left out
            scores = scores.masked_fill(scores > COPY, -torch.inf)
            ahead = (scores[:, 1:] > scores[:, :1]).sum(1).float()
            return torch.where(scores[:, 0].isinf(), torch.inf, ahead)
        elif ranking == "copies":  # of equal ones the first wins, and the last is the right one
            return ((scores[:, 1:] > scores[:, :1]).sum(1) + COPIES).float()
        elif ranking != "right":
            scores = -scores if ranking == "reversed" else scores.roll(1, 1)
        right, others = scores[:, :1], scores[:, 1:]
        ahead = (others > right + 1e-6).sum(1) + ((others - right).abs() <= 1e-6).sum(1) / 2
        return ahead.floor()


class Encoder(nn.Module):
    """An encoder with the factor its similarities are multiplied with."""

    def __init__(self, body: Any, scale: float, learn: bool) -> None:
        super().__init__()
        self.body = body
        self.log_scale = nn.Parameter(torch.tensor(scale).log(), requires_grad=learn)

    def scale(self) -> Tensor:
        """The factor."""
        return self.log_scale.exp()

    def forward(self, ids: Tensor) -> Tensor:
        """[N, L] ids to [N, width] of length 1."""
        return bases.embed(self.body, ids)


Task = LanguageTask | SearchTask


def task_of(draft: Draft) -> Task:
    """The rows, loss and evaluation of a draft."""
    return LanguageTask(draft) if draft.family == "lm" else SearchTask(draft)


def stacked(rows: list[tuple[list[int], ...]]) -> Inputs:
    """Queries, documents and near documents as ids [N, L], all of one length."""
    n = len(rows)
    every = bases.padded([row[k] for k in range(3) for row in rows], bases.PAD)
    return {"query": every[:n], "document": every[n : 2 * n], "near": every[2 * n :]}


def collate(rows: list[Example]) -> Inputs:
    """Rows as input_ids, labels and attention_mask, all [N, L]."""
    ids = bases.padded([row[0] for row in rows], bases.PAD)
    labels = bases.padded([row[1] for row in rows], -100)
    lengths = torch.tensor([[len(row[0])] for row in rows])
    mask = (torch.arange(ids.shape[1]) < lengths).long()
    return {"input_ids": ids, "labels": labels, "attention_mask": mask}


def with_adapter(model: Any, draft: Draft) -> Any:
    """The model with a LoRA adapter on all linear layers, or as it is."""
    if draft.tune != "lora":
        return model
    import warnings

    from peft import LoraConfig, get_peft_model

    kind = "CAUSAL_LM" if draft.family == "lm" else "FEATURE_EXTRACTION"
    config = LoraConfig(
        r=draft.rank,
        lora_alpha=draft.alpha,  # type: ignore[arg-type]
        lora_dropout=draft.dropout,
        target_modules="all-linear",
        task_type=kind,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return get_peft_model(model, config)
