"""The plan of a recipe that reads pairs for retrieval."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from huohou.config import RunSettings, Settings
from huohou.data.pairs import PairSet, fingerprint_pairs, read_pairs
from huohou.data.pairs.check import check_pairs
from huohou.errors import DataError
from huohou.models import choose_device, choose_dtype
from huohou.models.encoder import load_encoder
from huohou.plan.frozen import DataPart
from huohou.plan.make import Decided, Predict

if TYPE_CHECKING:
    from huohou.models.encoder import Encoder


@dataclass(frozen=True, slots=True)
class PairSubject:
    """What a prediction is about: settings, pairs, the encoder to be trained, and where."""

    run: RunSettings
    train: PairSet
    eval: PairSet | None
    encoder: "Encoder"
    device: str
    dtype: str


def decide_pairs(settings: Settings, run: RunSettings, predict: Predict) -> Decided:
    """Read and check the pairs, choose, predict. Raises ConfigError, DataError, ModelError.

    A BEIR folder may stand for both parts: train takes its training queries, eval its others.
    """
    encoder = load_encoder(run.model, max_length=run.train.max_length)
    train = _read(settings, run.data.train, "train")
    watched = _read(settings, run.data.eval, "eval") if run.data.eval else None
    _learnable(train)
    parts = {"train": train} if watched is None else {"train": train, "eval": watched}
    device = choose_device(run.train.device)
    dtype = choose_dtype(device.value, run.train.dtype)
    outlook = predict(PairSubject(run, train, watched, encoder, device.value, dtype.value))
    return Decided(
        _part(settings, run.data.train, train, encoder),
        _part(settings, run.data.eval, watched, encoder) if watched and run.data.eval else None,
        device,
        dtype,
        check_pairs(parts),
        outlook,
        {"base_weights": encoder.fingerprint},
    )


def _read(settings: Settings, name: str, part: str) -> PairSet:
    pairs = read_pairs(settings.path(name), part, settings.run.data.format)
    if not any(query.positives for query in pairs.queries):
        raise DataError("embed.no_positive", path=pairs.source)
    return pairs


def _learnable(train: PairSet) -> None:
    """Raise DataError where there is nothing to tell apart."""
    named = {id for query in train.queries for id in (*query.positives, *query.negatives)}
    if len(named) < 2:
        raise DataError("embed.one_passage", path=train.source)


def _part(settings: Settings, name: str, pairs: PairSet, encoder: "Encoder") -> DataPart:
    """tokens: of the queries and of the passages they name, each passage counted once."""
    passages = {id for query in pairs.queries for id in (*query.positives, *query.negatives)}
    own = sum(map(len, encoder.tokenize([query.text for query in pairs.queries], "query")))
    texts = [passage.text for passage in pairs.passages if passage.id in passages]
    once = own + sum(map(len, encoder.tokenize(texts, "document")))
    return DataPart(
        path=str(settings.path(name)),
        format=pairs.format,
        rows=len(pairs.queries),
        tokens=once,
        trained_tokens=once,
        fingerprint=fingerprint_pairs(pairs),
    )
