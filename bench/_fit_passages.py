"""Fits the support of answers from documents, and says how well it does where it was not fitted.

    python bench/_fit_passages.py [--encoder] [--write]

Questions: XQuAD (English and Chinese) and CMRC 2018 of ../shared/data/qa. Half of the articles of
XQuAD are fitted on, the other half is measured on. In every round some articles are on the shelf
and others are not: what is asked of those has no answer there. Of an article on the shelf one
paragraph in five may be missing too: the hardest refusals.
"""

import argparse
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from huohou.answer.passages import support
from huohou.answer.passages.search import Shelf
from huohou.answer.passages.types import Passage

QA = Path(__file__).parents[2] / "shared" / "data" / "qa"
XQUAD = QA / "google-deepmind__xquad"
CMRC = QA / "ymcui__cmrc2018" / "squad-style-data" / "cmrc2018_dev.json"
OUT = Path(support.__file__).parent / "support.json"
MOST_WRONG = 0.1  # of the answers given: the threshold "found" is set for it


@dataclass
class Asked:
    question: str
    answers: tuple[str, ...]
    article: int
    paragraph: int


def load(path: Path) -> tuple[list[list[str]], list[Asked], list[str]]:
    """Paragraphs by article, and questions."""
    articles, asked, titles = [], [], []
    for a, article in enumerate(json.loads(path.read_text(encoding="utf-8"))["data"]):
        titles.append(str(article.get("title", "")).replace("_", " "))
        articles.append([p["context"] for p in article["paragraphs"]])
        for p, paragraph in enumerate(article["paragraphs"]):
            for q in paragraph["qas"]:
                texts = tuple(one["text"] for one in q["answers"])
                asked.append(Asked(q["question"], texts, a, p))
    return articles, asked, titles


@dataclass
class Round:
    shelf: Shelf
    places: dict[tuple[int, int], int]
    asked: list[tuple[Asked, str]]  # kind: present, gap, absent


def rounds(
    path: Path, half: int | None, seed: int, size: tuple[int, int], meaning: Any = None
) -> list[Round]:
    articles, asked, _ = load(path)
    rng, (count, each) = random.Random(seed), size
    mine = [a for a in range(len(articles)) if half is None or a % 2 == half]
    made = []
    for _ in range(count):
        present = set(rng.sample(mine, max(1, round(len(mine) * rng.choice((0.2, 0.5, 0.7))))))
        kept = [
            (a, p)
            for a in sorted(present)
            for p in range(len(articles[a]))
            if len(articles[a]) == 1 or rng.random() > 0.2
        ]
        passages = [Passage(i, articles[a][p], "", "x", 1) for i, (a, p) in enumerate(kept)]
        if not passages:
            continue
        places = {k: i for i, k in enumerate(kept)}
        by_kind: dict[str, list[Asked]] = {"present": [], "gap": [], "absent": []}
        for q in asked:
            if q.article in mine:
                kind = (
                    "present"
                    if (q.article, q.paragraph) in places
                    else "gap"
                    if q.article in present
                    else "absent"
                )
                by_kind[kind].append(q)
        chosen = [
            (q, kind)
            for kind, n in (("present", each), ("absent", each // 2), ("gap", each // 4))
            for q in rng.sample(by_kind[kind], min(n, len(by_kind[kind])))
        ]
        made.append(Round(Shelf(passages, meaning), places, chosen))
    return made


def logistic(x: np.ndarray, y: np.ndarray, ridge: float = 1.0) -> np.ndarray:
    """Weights by Newton's method, the last one the bias, which is not held down."""
    x = np.column_stack([x, np.ones(len(x))])
    w, hold = np.zeros(x.shape[1]), np.full(x.shape[1], ridge)
    hold[-1] = 1e-6
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        step = np.linalg.solve(
            (x * (p * (1 - p))[:, None]).T @ x + np.diag(hold), x.T @ (y - p) - hold * w
        )
        w += step
        if np.abs(step).max() < 1e-8:
            break
    return w


def named(names: tuple[str, ...], w: np.ndarray) -> dict[str, float]:
    return {n: round(float(v), 4) for n, v in zip((*names, "bias"), w, strict=True)}


def fit(
    all_rounds: list[Round], names: tuple[str, ...], best_names: tuple[str, ...]
) -> support.Fitted:
    zero = support.Fitted({}, {}, 0.0, 0.0, {})
    x, y, held = [], [], []
    for one in all_rounds:
        for q, kind in one.asked:
            found = support.candidates(one.shelf, q.question, zero)
            held.append((one, q, kind, found))
            if kind != "present":
                continue
            place = one.places[q.article, q.paragraph]
            for c in found:
                x.append([c.features[n] for n in names])
                y.append(c.found.passage.id == place and any(a in c.text for a in q.answers))
    candidate = named(names, logistic(np.array(x), np.array(y, float)))
    first = support.Fitted(candidate, {}, 0.0, 0.0, {})
    bx, by = [], []
    for one, q, kind, found in held:
        if not found:
            continue
        again = sorted(
            (
                support.Candidate(c.found, c.text, c.place, c.features, first.order(c.features))
                for c in found
            ),
            key=lambda c: -c.score,
        )
        bx.append([support.best_features(one.shelf, q.question, again)[n] for n in best_names])
        by.append(right(one, q, kind, again))
    best = named(best_names, logistic(np.array(bx), np.array(by, float)))
    return support.Fitted(candidate, best, 0.0, 0.0, {})


def right(one: Round, q: Asked, kind: str, found: list[support.Candidate]) -> bool:
    return kind == "present" and any(a in c.text for c in support.quoted(found) for a in q.answers)


def measure(all_rounds: list[Round], weights: support.Fitted) -> list[tuple[str, float, bool]]:
    rows = []
    for one in all_rounds:
        for q, kind in one.asked:
            found = support.candidates(one.shelf, q.question, weights)
            p = (
                weights.support(support.best_features(one.shelf, q.question, found))
                if found
                else 0.0
            )
            rows.append((kind, p, bool(found) and right(one, q, kind, found)))
    return rows


def threshold(rows: list[tuple[str, float, bool]], most_wrong: float) -> float:
    """The lowest probability from which on at most that part of the answers is wrong."""
    order = sorted(rows, key=lambda r: -r[1])
    wrong, best = 0, 1.0
    for i, (_, p, ok) in enumerate(order, 1):
        wrong += not ok
        if wrong <= most_wrong * i and i >= 20:
            best = p
    return round(best, 3)


def figures(rows: list[tuple[str, float, bool]], refuse: float, found: float) -> dict[str, float]:
    p = np.array([r[1] for r in rows])
    ok = np.array([r[2] for r in rows], float)
    kind = np.array([r[0] for r in rows])
    order = np.argsort(p)
    bins = [b for b in np.array_split(order, 10) if len(b)]
    pos, neg = p[ok == 1], p[ok == 0]
    out = {
        "questions": len(rows),
        "sentence_right": float(ok[kind == "present"].mean()),
        "given": float((p >= found)[kind == "present"].mean()),
        "given_right": float(ok[p >= found].mean()) if (p >= found).any() else float("nan"),
        "ece": float(sum(len(b) * abs(p[b].mean() - ok[b].mean()) for b in bins) / len(p)),
        "brier_skill": float(1 - ((p - ok) ** 2).mean() / ((ok.mean() - ok) ** 2).mean()),
        "auroc": float(
            (pos[:, None] > neg[None]).mean() + 0.5 * (pos[:, None] == neg[None]).mean()
        ),
    }
    for k in ("absent", "gap"):
        if (kind == k).any():
            out[f"not_given_{k}"] = float((p < found)[kind == k].mean())
            out[f"refused_{k}"] = float((p < refuse)[kind == k].mean())
    out["refused_present"] = float((p < refuse)[kind == "present"].mean())
    return {k: round(v, 4) for k, v in out.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--encoder", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--each", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=4)
    given = parser.parse_args()
    meaning = None
    if given.encoder:
        from huohou.api.passages import meaning_of

        meaning = meaning_of("minilm-l6")
    en, zh = XQUAD / "xquad.en.json", XQUAD / "xquad.zh.json"
    n, each = given.rounds, given.each
    train = rounds(en, 0, 1, (n, each), meaning)
    test = {"en": rounds(en, 1, 2, (n, each), meaning)}
    if not given.encoder:
        train += rounds(zh, 0, 3, (n, each)) + rounds(CMRC, None, 4, (max(1, n // 2), each))
        test["zh"] = rounds(zh, 1, 5, (n, each))
    names, best = support.CANDIDATE, support.BEST
    if not given.encoder:
        names, best = (tuple(x for x in xs if x not in ("near", "close")) for xs in (names, best))
    made = fit(train, names, best)
    rows = measure(train, made)
    found = threshold(rows, MOST_WRONG)
    refuse = round(found / 3, 3)
    about: dict[str, Any] = {
        "fitted_on": "XQuAD en (even articles)"
        + ("" if given.encoder else ", XQuAD zh (even articles), CMRC 2018 dev"),
        "encoder": "minilm-l6" if given.encoder else None,
        "most_wrong": MOST_WRONG,
    }
    about["held"] = {
        lang: figures(measure(some, made), refuse, found) for lang, some in test.items()
    }
    document = {
        "candidate": dict(made.candidate),
        "best": dict(made.best),
        "refuse": refuse,
        "found": found,
        "about": about,
    }
    print(json.dumps(document, indent=1))
    if given.write:
        whole = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
        whole["encoder" if given.encoder else "words"] = document
        OUT.write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
