"""Model cards: the lists of settings that trainers put into a ``README.md`` by themselves."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_HEADING = re.compile(r"(#{1,6}) +(.+)")
_ITEM = re.compile(r"[-*] +`?([A-Za-z]\w{0,60})`?: +`?([^`]{1,300}?)`?")
_VERSION = re.compile(r"[-*] +([A-Za-z][\w .-]{0,40}?):? +v?(\d[\w.+-]{0,40})")
_SIZE = re.compile(r"\* Size: ([\d,]{1,20}) (training|evaluation) samples")
_LOSS = re.compile(r"\* Loss: .{0,200}?<code>([\w.]{1,80})</code>")
_COLUMNS = re.compile(r"\* Columns: (.{1,400})")
_BLOCK = re.compile(r"[^\n]*\n\s*```json\s([^`]*)```")
_KINDS = {
    "MultipleNegativesRankingLoss": "in-batch",
    "CachedMultipleNegativesRankingLoss": "in-batch",
    "MultipleNegativesSymmetricRankingLoss": "in-batch",
    "GISTEmbedLoss": "in-batch",
    "CachedGISTEmbedLoss": "in-batch",
    "TripletLoss": "margin",
    "BatchHardTripletLoss": "margin",
    "ContrastiveLoss": "margin",
    "OnlineContrastiveLoss": "margin",
}

Facts = dict[str, Any]


def read_card(text: str, facts_of: Callable[[Mapping[str, Any]], Facts]) -> Facts:
    """Facts of a card: settings under a heading of hyperparameters, versions, and what
    sentence-transformers says of rows and loss. facts_of: names of settings to facts."""
    settings: dict[str, str] = {}
    versions: dict[str, str] = {}
    section = ""
    for line in map(str.strip, text.split("\n")):
        if match := _HEADING.fullmatch(line):
            section = match[2].lower()
        elif "hyperparameters" in section and (match := _ITEM.fullmatch(line)):
            settings.setdefault(match[1], match[2].strip())
        elif "framework versions" in section and (match := _VERSION.fullmatch(line)):
            versions.setdefault(match[1].lower(), match[2])
    found = facts_of(settings)
    found |= {"versions": versions} if versions else {}
    return found | _contrast(text)


def _contrast(text: str) -> Facts:
    """Rows, kind of loss and its constants, as cards of sentence-transformers tell them."""
    facts: Facts = {}
    for size, which in _SIZE.findall(text):
        name = "rows" if which == "training" else "eval_rows"
        facts[name] = facts.get(name, 0) + int(size.replace(",", ""))
    loss = _LOSS.search(text)
    if loss is None or (kind := _KINDS.get(loss[1].rpartition(".")[2])) is None:
        return facts
    facts["loss_kind"] = kind
    constants = _constants(text[loss.end() : loss.end() + 2000])
    name = "scale" if kind == "in-batch" else "margin"
    given = constants.get(name, constants.get("triplet_margin"))
    if isinstance(given, int | float) and not isinstance(given, bool):
        facts[name] = float(given)
    columns = _COLUMNS.search(text)
    texts = columns[1].count("<code>") if columns else 0
    if kind == "in-batch" and texts >= 2:  # anchor, positive, and a column for each negative
        facts["negatives"] = texts - 2
    return facts


def _constants(text: str) -> Mapping[str, Any]:
    """The block of JSON that follows in the next line."""
    match = _BLOCK.match(text)
    if match is None:
        return {}
    try:
        loaded = json.loads(match[1])
    except (ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}
