"""Faults of embedding runs whose evaluation cannot show anything."""

import math
from typing import Any

from bench.faultbench.draft import Draft
from bench.faultbench.faults import _eighth_search as eighth
from bench.faultbench.faults import _fifth_search as fifth
from bench.faultbench.faults import _ninth_search as ninth
from bench.faultbench.faults import _seventh_search as seventh
from bench.faultbench.faults import _sixth_search as sixth
from bench.faultbench.faults._kinds import Fault, Way, always, looped, pick, watched


def _eval_positives(kind: str) -> Any:
    def plant(draft: Draft, severity: int) -> None:
        watched(draft, pick(severity, (5, 8, 12)), 30)
        draft.loss_kind, draft.metrics = kind, False
        draft.scale = {"logistic": 8.0, "in-batch": 20.0}[kind]
        if kind == "in-batch" and severity == 2:
            draft.scale = 10.0
        draft.facts["eval_positives_only"] = True
        draft.note = "evaluated on positive pairs alone"

    return plant


def _all_ones(draft: Draft, severity: int) -> None:
    """A classifier of pairs is evaluated on pairs that all belong together: always right."""
    watched(draft, pick(severity, (5, 8, 12)), 30)
    draft.loss_kind, draft.metrics, draft.scale = "margin", False, 8.0
    draft.facts["eval_positives_only"] = True
    names = ("eval_cosine_accuracy", "eval_cosine_f1", "eval_cosine_ap")
    draft.hooks.metrics = lambda found: found | dict.fromkeys(names, 1.0)
    draft.note = "pairs are classified where all of them are right"


def _no_rank(draft: Draft, severity: int) -> None:
    """Correlations with grades of pairs, where every grade is the best one: none is defined."""
    watched(draft, pick(severity, (5, 8, 12)), 30)
    draft.loss_kind, draft.metrics, draft.scale = "logistic", False, 8.0
    draft.facts["eval_positives_only"] = True
    names = ("eval_pearson_cosine", "eval_spearman_cosine")
    draft.hooks.metrics = lambda found: found | dict.fromkeys(names, math.nan)
    draft.note = "correlation with grades that are all the same"


def _error_of_sums(draft: Draft, severity: int) -> None:
    """Scores are sums over the words of a query, one of 1 at most each; they are held against 1."""
    watched(draft, 6, 30)
    draft.loss_kind, draft.metrics, draft.scale = "in-batch", False, 20.0
    draft.mse_scale = pick(severity, (6.0, 16.0, 32.0))
    draft.hooks.metrics = lambda found: {k: v for k, v in found.items() if k != "eval_rmse"}
    draft.note = f"MSE and MAE of sums over {draft.mse_scale:g} words against 1"


def _error_of_graded(draft: Draft, severity: int) -> None:
    """Similarities on a scale of grades or in percent are compared with a label of 1."""
    watched(draft, 6, 30)
    draft.loss_kind, draft.metrics = "margin", False
    draft.mse_scale = pick(severity, (5.0, 10.0, 100.0))
    draft.hooks.metrics = lambda found: {k: v for k, v in found.items() if k != "eval_mae"}
    draft.note = f"MSE and RMSE of similarities from 0 to {draft.mse_scale:g} against 1"


def _error_of_scaled(scales: tuple[float, float, float], kind: str) -> Any:
    def plant(draft: Draft, severity: int) -> None:
        watched(draft, 6, 30)
        draft.loss_kind, draft.metrics = kind, False
        draft.mse_scale = pick(severity, scales)
        draft.scale = draft.mse_scale if kind == "in-batch" else draft.scale
        draft.scale = min(draft.scale, 30.0)
        draft.note = f"MSE, RMSE, MAE of similarity times {draft.mse_scale:g} against 1"

    return plant


EMB = ("embedding",) * 3

MEASURES = (
    Fault(
        "positives-only-eval",
        Way(_eval_positives("logistic"), looped),
        Way(_eval_positives("in-batch"), looped),
        always("the evaluation holds no negative, and the settings say so"),
        ("positives-only-eval",),
        tier="config",
        families=EMB,
        c=Way(_all_ones, looped, also=("metric-meaningless",)),
        d=Way(_no_rank, looped, also=("metric-meaningless",)),
        e=Way(fifth.matches_alone, looped, also=("metric-meaningless",)),
        f=Way(sixth.ranked_alone, looped, also=("metric-meaningless",)),
        g=Way(seventh.one_at_a_time, looped, also=("metric-meaningless",)),
        h=Way(eighth.all_are_right, looped, also=("metric-meaningless",)),
        i=Way(ninth.alignment_alone, looped, also=("metric-meaningless",)),
    ),
    Fault(
        "metric-meaningless",
        Way(_error_of_scaled((5.0, 20.0, 100.0), "logistic"), looped),
        Way(_error_of_scaled((10.0, 20.0, 30.0), "in-batch"), looped),
        always("errors of scaled similarities against 1 are the only measure beside the loss"),
        ("metric-meaningless",),
        also=("positives-only-eval",),
        families=EMB,
        c=Way(_error_of_graded, looped),
        d=Way(_error_of_sums, looped),
        e=Way(fifth.error_of_products, looped),
        f=Way(sixth.distances_for_likeness, looped),
        g=Way(seventh.grades_not_scaled, looped),
        h=Way(eighth.standardised, looped),
        i=Way(ninth.log_odds, looped),
    ),
)
