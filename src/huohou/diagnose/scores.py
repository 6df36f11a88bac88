"""Scores of embeddings by the names that trainers, evaluators and reports give them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from huohou.record.record import Record

_SIMILARITY = r"cosine|cos_sim|dot|dot_score|euclidean|manhattan"
_AT = re.compile(
    r"(?:^|_)(accuracy|acc|hit|hits|top|recall|mrr|ndcg|map)_?@?_?(\d{1,6})(_acc\w*)?$"
)
_WHOLE = re.compile(r"(?:^|_)(mrr|ndcg)$")  # of all candidates
_PAIR = re.compile(rf"(?:{_SIMILARITY})_accuracy$|(?:^|_)triplet_accuracy$")
_ORDER = re.compile(rf"(?:pearson|spearman)_(?:{_SIMILARITY})$")
_OF_EMBEDDINGS = re.compile(
    rf"(?:^|_)(?:{_SIMILARITY})(?:_|$)|(?:^|_)(?:(?:ndcg|mrr)(?:@\d+)?|map@\d+)$"
)
_ERROR = re.compile(r"(?:^|_)(mse|rmse|mae)$")
_SAME = {"acc": "accuracy", "hit": "accuracy", "hits": "accuracy", "top": "accuracy"}
_LOSSES = ("in-batch", "margin", "logistic")
_OF_TOKENS = re.compile(r"cross.?entropy|listwise|likelihood|nll|token|dpo|reward|preference")
_OF_VECTORS = re.compile(r"embed|contrast|cosine|triplet|info.?nce|distan|siam|mnrl|cosent")
_SETTINGS = ("margin", "eval_positives_only", "hard_cases", "negatives", "eval_candidates")
WHOLE = 10**7  # more places than anything is ranked among
SCALES = ("logit_scale", "scale", "similarity_scale")
SIMILARITIES = (("pos_sim", "neg_sim"), ("eval_pos_sim", "eval_neg_sim"))


@dataclass(frozen=True, slots=True)
class Score:
    """What a score measures. measure: accuracy, recall, mrr, ndcg or map at k; ``pair``, how often
    the right one of two is nearer; ``order``, a correlation of similarities."""

    measure: str
    k: int = 1


def score(name: str) -> Score | None:
    """What a score of that name measures, None where it is no ranking score.

    >>> score("eval_dev_cosine_ndcg@10"), score("top-3")
    (Score(measure='ndcg', k=10), Score(measure='accuracy', k=3))
    >>> score("eval_cosine_accuracy").measure, score("eval_spearman_cosine").measure
    ('pair', 'order')
    >>> score("eval_accuracy") is None, score("eval_mrr").k == WHOLE
    (True, True)
    """
    plain = re.sub(r"[^a-z0-9@]+", "_", name.lower())
    if match := _AT.search(plain):
        k = int(match[2])
        return Score(_SAME.get(match[1], match[1]), k) if k else None
    if match := _WHOLE.search(plain):
        return Score(match[1], WHOLE)
    if _PAIR.search(plain):
        return Score("pair")
    return Score("order") if _ORDER.search(plain) else None


def error_measure(name: str) -> str | None:
    """``mse``, ``rmse`` or ``mae`` where that is what the name says.

    >>> error_measure("eval_mse"), error_measure("RMSE"), error_measure("negative_mse")
    ('mse', 'rmse', None)
    """
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower())
    match = _ERROR.search(plain)
    return match[1] if match and "negative" not in plain else None


def of_embeddings(record: Record) -> bool:
    """Whether a run trains or scores embeddings: by its loss, its settings or its scores."""
    facts = record.facts
    kind = facts.get("loss_kind")
    if isinstance(kind, str) and (kind in _LOSSES or _OF_TOKENS.search(kind)):
        return kind in _LOSSES
    if isinstance(kind, str) and _OF_VECTORS.search(kind):
        return True
    if any(name.startswith(("rewards/", "eval_rewards/")) for name in record.series):
        return False
    if any(facts.get(name) for name in _SETTINGS):
        return True
    names = {*record.series, *(figure.name for figure in record.figures)}
    if facts.get("candidates") and any(score(name) for name in names):
        return True
    return _named(names)


def _named(names: Iterable[str]) -> bool:
    known = {*SCALES, *(name for pair in SIMILARITIES for name in pair)}
    return any(n in known or _OF_EMBEDDINGS.search(n.lower().replace("-", "_")) for n in names)
