"""What is wrong with pairs before they are trained on: overlap of the parts, duplicates."""

from collections.abc import Iterator, Mapping, Sequence

from huohou.data.checks import ORDER, CheckReport, Skipped
from huohou.data.checks._show import SHOWN, more, share
from huohou.data.normal import normal, shorten
from huohou.data.pairs.pairset import PairSet, Query
from huohou.data.similar import near_pairs, nearest
from huohou.record.finding import Advice, Evidence, Finding, Severity
from huohou.text import say

LEAK_TOLERATED = 0.05  # part of a part's queries; as for rows
DUPLICATES_TOLERATED = 0.01  # part of the passages
REFERENCE = "Lee et al. 2022, Deduplicating Training Data Makes Language Models Better"


def check_pairs(parts: Mapping[str, PairSet]) -> CheckReport:
    """Findings on the parts of one data set, ``train`` among them or alone.

    Overlap is looked for between train and every other part; without one it is listed as skipped.
    """
    watched = {name: part for name, part in parts.items() if name != "train"}
    train = parts.get("train")
    findings = [duplicates(next(iter(parts.values())))]
    ran, skipped = ["data-duplicates"], [Skipped("data-overlap", say("data.needs.eval_pairs"))]
    if train is not None and watched:
        findings += [overlap(train, part, name) for name, part in watched.items()]
        ran, skipped = [*ran, "data-overlap"], []
    found = sorted((one for one in findings if one), key=lambda one: ORDER[one.severity])
    return CheckReport(tuple(found), tuple(ran), tuple(skipped))


def duplicates(pairs: PairSet) -> Finding | None:
    """Passages that nearly repeat another: as negatives of its queries they are wrong."""
    texts = [normal(passage.text) for passage in pairs.passages]
    near = sorted({j: i for i, j in near_pairs(texts)}.items())
    if not near and not pairs.repeated:
        return None
    severity: Severity = "warning" if len(near) > DUPLICATES_TOLERATED * len(texts) else "info"
    shown = []
    for j, i in near[:SHOWN]:
        one, other = pairs.passages[i], pairs.passages[j]
        text = shorten(other.text)
        shown.append(
            Evidence(say("check.pairs-duplicates.near", one=one.id, other=other.id, text=text))
        )
    fields = {
        "near": len(near),
        "repeated": pairs.repeated,
        "share": share(len(near), len(texts)) if near else "0%",
    }
    return _finding("data-duplicates", severity, [*shown, *more(len(near))], **fields)


def overlap(train: PairSet, watched: PairSet, name: str) -> Finding | None:
    """Queries of another part whose words, passage or document train has too."""
    reasons = _reasons(train, watched)
    if not reasons:
        return None
    severity: Severity = "error" if len(reasons) > LEAK_TOLERATED * len(watched) else "warning"
    shown = [
        Evidence(f"{watched.place(watched.queries[i])}: {shorten(watched.queries[i].text)}: {why}")
        for i, why in list(reasons.items())[:SHOWN]
    ]
    fields = {
        "part": name,
        "queries": len(watched),
        "count": len(reasons),
        "share": share(len(reasons), len(watched)),
    }
    return _finding("data-overlap", severity, [*shown, *more(len(reasons))], **fields)


def _reasons(train: PairSet, watched: PairSet) -> dict[int, str]:
    """For each watched query that is not new: why, the plainest reason first."""
    asked = {normal(query.text): query for query in reversed(train.queries)}
    read = {normal(train.passage(id).text): id for q in train.queries for id in q.positives}
    documents = {name: q for q in reversed(train.queries) for name in _documents(train, q)}
    texts = {id: normal(watched.passage(id).text) for q in watched.queries for id in q.positives}
    near = nearest(list(texts.values()), list(read))
    known = list(read.values())
    same = {id: known[near[i]] for i, id in enumerate(texts) if i in near}
    reasons = {}
    for i, query in enumerate(watched.queries):
        passage = next((same[id] for id in query.positives if id in same), None)
        document = next((d for d in _documents(watched, query) if d in documents), None)
        if normal(query.text) in asked:
            place = train.place(asked[normal(query.text)])
            reasons[i] = say("check.pairs-overlap.query", place=place)
        elif passage is not None:
            reasons[i] = say("check.pairs-overlap.passage", passage=passage)
        elif document is not None:
            place = train.place(documents[document])
            reasons[i] = say("check.pairs-overlap.document", document=document, place=place)
    return reasons


def _documents(pairs: PairSet, query: Query) -> Iterator[str]:
    """Documents that somebody named: a passage's own id says nothing about another source."""
    for id in query.positives:
        if pairs.passage(id).document != id:
            yield pairs.passage(id).document


def _finding(
    code: str, severity: Severity, evidence: Sequence[Evidence], **fields: object
) -> Finding:
    key = code.replace("data-", "check.pairs-")
    return Finding(
        code,
        severity,
        "data",
        say(f"{key}.title", **fields),
        say(f"{key}.why", **fields),
        tuple(evidence),
        (Advice(say(f"{key}.advice", **fields)),),
        reference=REFERENCE,
    )
