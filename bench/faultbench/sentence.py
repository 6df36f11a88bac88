"""Runs made by the trainer of sentence-transformers, with its losses and evaluators."""

import tempfile
from typing import Any

from datasets import Dataset
from torch import Tensor, nn

from bench.faultbench import bases
from bench.faultbench.draft import Draft
from bench.faultbench.loop import Outcome, seeded
from bench.faultbench.tasks import SearchTask, with_adapter
from bench.faultbench.trainers import arguments, carry_out, planted


class Face(nn.Module):
    """A SentenceTransformer as the search task asks encoders."""

    def __init__(self, model: Any, scale: float) -> None:
        super().__init__()
        self.model, self.factor = model, scale

    def scale(self) -> float:
        """The factor of the similarities."""
        return self.factor

    def forward(self, ids: Tensor) -> Tensor:
        """[N, L] ids to [N, width] of length 1."""
        return bases.embed(self.model[0].auto_model, ids)


def folder_of(arch: str, variant: int) -> str:
    """The base encoder with its tokenizer, saved as sentence-transformers loads it."""
    from transformers import PreTrainedTokenizerFast

    place = bases.cache_folder() / f"{arch}-{variant}-st"
    if not (place / "tokenizer.json").exists():
        bases.base(arch, variant).save_pretrained(place)
        PreTrainedTokenizerFast(
            tokenizer_object=bases.tokenizer(variant),
            pad_token="<pad>",
            eos_token="<eos>",
            bos_token="<bos>",
            unk_token="<unk>",
            model_input_names=["input_ids", "attention_mask"],
            model_max_length=64,
        ).save_pretrained(place)
    return str(place)


def model_of(draft: Draft) -> Any:
    """A SentenceTransformer: encoder, mean, length 1."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    options: dict[str, Any] = {"attn_implementation": bases.attention(draft.arch)}
    body = Transformer(folder_of(draft.arch, draft.variant), model_kwargs=options)
    if draft.tune == "lora":
        body.auto_model = with_adapter(body.auto_model, draft)
    width = bases.VARIANTS[draft.variant][0]
    model = SentenceTransformer(modules=[body, Pooling(width), Normalize()], device="cpu")
    model.model_card_data.widget = [{"text": "none"}]  # so that none are looked for
    return model


def loss_of(model: Any, draft: Draft) -> Any:
    """The loss of the draft by its name there."""
    from sentence_transformers.sentence_transformer import losses

    if draft.loss_kind == "in-batch":
        return losses.MultipleNegativesRankingLoss(model, scale=draft.scale)
    return losses.TripletLoss(
        model,
        distance_metric=losses.TripletDistanceMetric.COSINE,
        triplet_margin=draft.margin,
    )


def evaluator_of(task: SearchTask, draft: Draft) -> Any:
    """Ranking of the evaluation's documents, or triplets."""
    from sentence_transformers.sentence_transformer import evaluation

    rows = task.watched_rows
    if draft.loss_kind == "margin":
        sides = ([row[k] for row in rows] for k in range(3))
        return evaluation.TripletEvaluator(*sides, name="dev", batch_size=128)
    return evaluation.InformationRetrievalEvaluator(
        {f"q{i}": row[0] for i, row in enumerate(rows)},
        {f"d{i}": row[1] for i, row in enumerate(rows)},
        {f"q{i}": {f"d{i}"} for i in range(len(rows))},
        name="dev",
        accuracy_at_k=[1, 3],
        precision_recall_at_k=[3],
        mrr_at_k=[10],
        ndcg_at_k=[10],
        map_at_k=[10],
        batch_size=128,
        show_progress_bar=False,
    )


def dataset(rows: list[tuple[str, str, str]], draft: Draft) -> Any:
    """Columns in the order the losses take them."""
    names = ["anchor", "positive", "negative"]
    if draft.loss_kind == "in-batch" and not draft.hard:
        names = names[:2]
    return Dataset.from_dict({name: [row[k] for row in rows] for k, name in enumerate(names)})


def run(draft: Draft) -> Outcome:
    """Train with SentenceTransformerTrainer."""
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )

    seeded(draft)
    task = SearchTask(draft)
    model = model_of(draft)
    if draft.hooks.model:
        draft.hooks.model(model)

    class Own(SentenceTransformerTrainer):
        def __init__(self, draft: Draft, **options: Any) -> None:
            self.draft = draft
            super().__init__(**options)

    with tempfile.TemporaryDirectory() as folder:
        args = arguments(draft, folder, remove_unused_columns=True)
        trainer = planted(Own)(
            draft,
            model=model,
            args=SentenceTransformerTrainingArguments(**args),
            train_dataset=dataset(task.train_rows, draft),
            eval_dataset=dataset(task.watched_rows, draft) if draft.eval_steps else None,
            loss=loss_of(model, draft),
            evaluator=evaluator_of(task, draft) if draft.eval_steps and draft.metrics else None,
        )
        return carry_out(trainer, task, draft, Face(model, draft.scale))
