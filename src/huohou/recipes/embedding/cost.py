"""What training an encoder will cost, before it is paid.

Work is counted in floating-point operations: 6 for each weight outside the word table and token
(Kaplan et al., arXiv 2001.08361), 12 for each pair of tokens of a text, dimension and layer
(attention); 2 and 4 where nothing is trained. Divided by what a training step was just measured to
do on this machine.
"""

import math
from collections.abc import Iterable, Sequence

from huohou.config import EmbedSettings
from huohou.data.pairs import PairSet
from huohou.errors import ConfigError
from huohou.models import measure_step
from huohou.models.encoder import Encoder
from huohou.plan import Outlook, Prediction
from huohou.plan.pairs import PairSubject
from huohou.recipes.embedding.rows import Group, Update, groups_of, rows_of, update_of
from huohou.recipes.order import epoch_order, updates_of

DEFAULT_TOKENS = {"cpu": 2048, "cuda": 16384, "mps": 8192}
INTERPRETER_BYTES = 700_000_000  # Python with torch and transformers
KEPT_HIDDEN, KEPT_INNER = 16, 4  # floats kept for the backward pass, in widths, a layer and token
KEPT_SCORES = 5  # bytes a head and pair of tokens: a weight and whether it was dropped


def predict(subject: PairSubject) -> Outlook:
    """Updates, tokens, memory, time and space of a planned run. Raises ConfigError where the loss
    or the score needs a variance that the encoder has not."""
    run, encoder, kind = subject.run, subject.encoder, subject.device.split(":")[0]
    check_head(run.embed, encoder)
    rows = rows_of(subject.train, encoder)
    groups = groups_of(rows, by_passage=run.embed.group_passages)
    order = epoch_order(len(groups), run.train.seed, 0)
    updates = [_update(groups, one) for one in updates_of(order, run.train.batch_size)]
    computed = sum(len(text) for update in updates for text in update.texts)
    plain = sum(_padded(groups, one) for one in updates_of(order, run.train.batch_size))
    trained, total = _parameters(encoder, rows_words(updates), run.train.weight_decay)
    count = math.ceil(len(updates) * run.train.num_epochs)
    most = run.train.max_tokens or DEFAULT_TOKENS[kind]
    return Outlook(
        Prediction(
            updates=count,
            tokens_computed=int(computed * run.train.num_epochs),
            work_saved=max(0.0, 1 - computed / plain),
            trainable_parameters=trained,
            total_parameters=total,
            memory_bytes=_memory(updates, encoder, trained, total),
            seconds=_seconds(subject, updates),
            checkpoint_bytes=4 * total + 8 * trained,
        ),
        {"max_tokens": most, "split": _split(encoder, trained, total, most)},
    )


def _split(encoder: Encoder, trained: int, total: int, most: int) -> dict[str, int]:
    """What workers that split the encoder hold together (weights, gradients, moments) and gather at
    a time: a layer and the next one, and what is in none."""
    table = encoder.transformer.get_input_embeddings()
    unused = 4 * (total - trained)  # words that are not trained are whole on each
    layers = total - table.num_embeddings * table.embedding_dim
    depth = max(2, encoder.transformer.config.num_hidden_layers)
    return {
        "held": 4 * total - unused + 12 * trained,
        "gathered": 4 * (trained - layers + 2 * layers // depth),
        "weights": 4 * trained,
        "tokens": most,
    }


def check_head(chosen: EmbedSettings, encoder: Encoder) -> None:
    """Raise ConfigError where the loss or the score needs a variance that is not there."""
    has = encoder.variance is not None or (chosen.head != "none" and chosen.variance != "none")
    if has:
        return
    if chosen.score != "cosine":
        raise ConfigError("embed.score_needs_head", score=chosen.score)
    if chosen.loss == "csd":
        raise ConfigError("embed.loss_needs_head")


def rows_words(updates: Iterable[Update]) -> set[int]:
    """Words of the texts that are trained."""
    return {word for update in updates for text in update.texts for word in text}


def _update(groups: Sequence[Group], places: Sequence[int]) -> Update:
    return update_of([row for i in places for row in groups[i]])


def _padded(groups: Sequence[Group], places: Sequence[int]) -> int:
    """Tokens of the same rows as queries and passages in two padded batches."""
    rows = [row for i in places for row in groups[i]]
    queries = max(len(row.query) for row in rows)
    docs = [text for row in rows for text in (*row.trained, *row.negatives)]
    return len(rows) * queries + len(docs) * max(map(len, docs))


def _parameters(encoder: Encoder, words: set[int], decay: float) -> tuple[int, int]:
    """Parameters that are trained, and all."""
    total = sum(p.numel() for p in encoder.parameters())
    table = encoder.transformer.get_input_embeddings()
    unused = 0 if decay else (table.num_embeddings - len(words)) * table.embedding_dim
    return total - unused, total


def _work(lengths: Sequence[int], encoder: Encoder) -> float:
    """Operations of one forward pass over texts of these lengths."""
    config = encoder.transformer.config
    table = encoder.transformer.get_input_embeddings()
    weights = sum(p.numel() for p in encoder.parameters()) - table.weight.numel()
    seen = sum(n * n for n in lengths)
    across: int = config.hidden_size * config.num_hidden_layers
    return 2.0 * int(weights) * sum(lengths) + 4.0 * seen * across


def _seconds(subject: PairSubject, updates: Sequence[Update]) -> float:
    """Predicted seconds of training and evaluations."""
    run, encoder = subject.run, subject.encoder
    lengths = [len(text) for update in updates for text in update.texts]
    work = 3 * _work(lengths, encoder) * run.train.num_epochs
    if subject.eval is not None:
        evaluations = 1 + run.train.num_epochs * run.train.evals_per_epoch
        work += evaluations * _work(_lengths(subject.eval, encoder), encoder)
    return work / measure_step(subject.device, subject.dtype)


def _lengths(pairs: PairSet, encoder: Encoder) -> list[int]:
    """Texts of an evaluation: queries once for the ranking and once for the loss, all passages."""
    queries = [len(text) for text in encoder.tokenize([q.text for q in pairs.queries], "query")]
    passages = encoder.tokenize([p.text for p in pairs.passages], "document")
    return [*queries, *queries, *map(len, passages)]


def _memory(updates: Sequence[Update], encoder: Encoder, trained: int, total: int) -> int:
    """Predicted peak in bytes: weights, gradients, moments, and what the largest update keeps."""
    config = encoder.transformer.config
    inner = getattr(config, "intermediate_size", 4 * config.hidden_size)
    width = 4 * (KEPT_HIDDEN * config.hidden_size + KEPT_INNER * inner)
    largest = max(
        sum(
            width * len(t) + KEPT_SCORES * config.num_attention_heads * len(t) ** 2 for t in u.texts
        )
        for u in updates
    )
    depth: int = config.num_hidden_layers
    return INTERPRETER_BYTES + 4 * total + 12 * trained + depth * int(largest)
