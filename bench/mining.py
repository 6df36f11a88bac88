"""Mining hard negatives: 10,000 queries against 100,000 passages of 384 dimensions, exactly.

Run as: python bench/mining.py [--quick]

Vectors are drawn around 2,000 centres. The search runs beside sentence-transformers' exact search
in turn, and a part of it is checked against float64. Then everything is mined: filters, guards and
ledger. --quick: 1,000 queries. The peak is of a process of its own, vectors included.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from _common import arguments, report
from huohou.data.pairs import PairSet, Passage, Query
from huohou.probe.ledger import ledger_rows, pair_rows
from huohou.probe.mine import mine
from huohou.probe.mined import MineOptions
from huohou.probe.search import top_k

PASSAGES, WIDTH, CENTRES, K = 100_000, 384, 2_000, 101
CHECKED = 100  # queries compared with float64
Vectors = NDArray[np.float32]


def main() -> None:
    """Measure and report."""
    if len(sys.argv) == 3 and sys.argv[1] == "--mine":
        print(json.dumps(mined(int(sys.argv[2]))))
        return
    quick = arguments(__doc__ or "").quick
    count = 1_000 if quick else 10_000
    queries, passages, _ = vectors(count)
    ours, theirs, places = [], [], np.empty(0)
    for _ in range(3 if quick else 1):
        seconds, (places, _) = timed(lambda: top_k(queries, passages, K))
        ours.append(seconds)
        theirs.append(timed(lambda: sentence_transformers(queries, passages))[0])
    whole = json.loads(
        subprocess.run(
            [sys.executable, __file__, "--mine", str(count)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
    )
    figures = {
        "queries": count,
        "passages": PASSAGES,
        "search_seconds": median(ours),
        "search_sentence_transformers_seconds": median(theirs),
        "search_times_faster": median(theirs) / median(ours),
        "search_exact_share": exact(queries, passages, places),
        **whole,
    }
    targets = {"search_exact_share": {"min": 1.0}, "mine_peak_gb": {"max": 4.0}}
    for name, value in figures.items():
        print(f"{name:<38} {value:,.3f}")
    report("mining", figures, targets)


def vectors(count: int) -> tuple[Vectors, Vectors, list[int]]:
    """Queries, passages, and the passage that is right for each query."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CENTRES, WIDTH), dtype=np.float32)
    passages = centres[rng.integers(0, CENTRES, PASSAGES)]
    passages += rng.standard_normal((PASSAGES, WIDTH), dtype=np.float32)
    right = rng.integers(0, PASSAGES, count)
    queries = passages[right] + 0.7 * rng.standard_normal((count, WIDTH), dtype=np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    passages /= np.linalg.norm(passages, axis=1, keepdims=True)
    return queries, passages, right.tolist()


def exact(queries: Vectors, passages: Vectors, places: NDArray[Any]) -> float:
    """Share of places that are right by float64, but for scores that float32 cannot tell apart."""
    scores = queries[:CHECKED].astype(float) @ passages.T.astype(float)
    best = -np.sort(-scores, axis=1)[:, :K]
    found = np.take_along_axis(scores, places[:CHECKED], axis=1)
    distinct = [len(set(row)) == K for row in places[:CHECKED].tolist()]
    return float(np.mean((np.abs(found - best) < 1e-6) & np.array(distinct)[:, None]))


def sentence_transformers(queries: Vectors, passages: Vectors) -> Any:
    """Its exact search, as its miner calls it: scores as products, the same K."""
    import torch
    from sentence_transformers.util import dot_score, semantic_search

    return semantic_search(
        torch.from_numpy(queries), torch.from_numpy(passages), top_k=K, score_function=dot_score
    )


def mined(count: int) -> dict[str, float]:
    """Mine everything and write it to nowhere; in a process of its own for its peak."""
    queries, passages, right = vectors(count)
    words = np.random.default_rng(1).integers(0, 30_000, (PASSAGES, 60))
    texts = tuple(
        Passage(f"p{i}", " ".join(f"w{word}" for word in row), f"d{i // 5}")
        for i, row in enumerate(words.tolist())
    )
    asked = tuple(Query(f"q{i}", f"what is {i}", (f"p{at}",)) for i, at in enumerate(right))
    pairs, options = PairSet("bench", "beir", texts, asked), MineOptions()
    seconds, found = timed(lambda: mine(pairs, queries, passages, options))
    rows = (row for part in (pair_rows, _ledger) for row in part(pairs, found))
    writing, characters = timed(lambda: sum(len(json.dumps(row)) for row in rows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "mine_seconds": seconds,
        "ledger_seconds": writing,
        "ledger_mb": characters / 1e6,
        "mine_negatives_per_query": sum(map(len, found.negatives().values())) / count,
        "mine_peak_gb": peak / (1e9 if sys.platform == "darwin" else 1e6),
    }


def _ledger(pairs: PairSet, found: Any) -> Any:
    return ledger_rows(pairs, found, MineOptions(), {})


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and the result."""
    begin = time.perf_counter()
    found = work()
    return time.perf_counter() - begin, found


if __name__ == "__main__":
    main()
