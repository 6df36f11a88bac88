"""Answers from documents, on questions that nothing was fitted on: right, refused, and how fast.

Run as: python bench/passages.py [--quick]

Questions of XQuAD (English and Chinese, the articles that the support was not fitted on) and of
DRCD (traditional Chinese) in ../shared/data/qa. Half of the articles are on the shelf; what is
asked of the others has no answer there and has to be refused. One paragraph in five of the articles
on the shelf is taken away too ("gap"): a refusal that is harder.
"""

import statistics
import time

from _common import arguments, report
from _fit_passages import QA, XQUAD, Round, rounds
from huohou.answer.passages import ask

SETS = {
    "en": (XQUAD / "xquad.en.json", 1),
    "zh": (XQUAD / "xquad.zh.json", 1),
    "drcd": (QA / "DRCKnowledgeTeam__DRCD" / "DRCD_dev.json", None),
}


def main() -> None:
    quick = arguments(__doc__ or "").quick
    if not all(path.exists() for path, _ in SETS.values()):
        raise SystemExit("needs XQuAD and DRCD in ../shared/data/qa")
    figures: dict[str, float] = {}
    seconds: list[float] = []
    for name, (path, half) in SETS.items():
        made = rounds(path, half, 11, (2, 80) if quick else (5, 200))
        found = [one for round_ in made for one in answered(round_, seconds)]
        figures |= {f"{name}_{key}": value for key, value in shares(found).items()}
        print(name, {k: v for k, v in figures.items() if k.startswith(f"{name}_")})
    cuts = statistics.quantiles(seconds, n=100)
    figures |= {"p50_ms": round(1000 * cuts[49], 2), "p99_ms": round(1000 * cuts[98], 2)}
    targets: dict[str, dict[str, float]] = {"p50_ms": {"max": 50}, "p99_ms": {"max": 250}}
    for name in SETS:
        targets[f"{name}_answers_right"] = {"min": 0.85}
        targets[f"{name}_absent_not_answered"] = {"min": 0.98}
    report("passages", figures, targets)


def answered(one: Round, seconds: list[float]) -> list[tuple[str, str, bool]]:
    """Kind of each question, status of its answer, whether what was quoted holds the answer."""
    found = []
    for asked, kind in one.asked:
        begin = time.perf_counter()
        answer = ask(one.shelf, asked.question)
        seconds.append(time.perf_counter() - begin)
        holds = any(words in answer.answer for words in asked.answers)
        found.append((kind, answer.status, kind == "present" and holds))
    return found


def shares(found: list[tuple[str, str, bool]]) -> dict[str, float]:
    """answers_right: of all that were answered, absent ones included, which are wrong."""
    given = [right for _, status, right in found if status == "found"]
    out = {"questions": float(len(found)), "answers_right": sum(given) / len(given)}
    for kind in ("present", "absent", "gap"):
        mine = [status for one, status, _ in found if one == kind]
        if not mine:
            continue
        if kind == "present":
            out["present_answered"] = mine.count("found") / len(mine)
            out["present_refused"] = mine.count("unknown") / len(mine)
        else:
            out[f"{kind}_not_answered"] = 1 - mine.count("found") / len(mine)
            out[f"{kind}_refused"] = mine.count("unknown") / len(mine)
    return {key: round(value, 4) for key, value in out.items()}


if __name__ == "__main__":
    main()
