"""The facade: what command line, page and notebooks call. Nothing here is imported early."""

from huohou.api.answers import ask, open_engine
from huohou.api.common import find_run, need_extra, workspace
from huohou.api.data import data_check, data_make, data_split, data_stats
from huohou.api.jobs import branch, move, resume, same_name, stop, train
from huohou.api.judging import diagnose, evaluate, explain, explain_all, gates_file
from huohou.api.listing import (
    back_up,
    import_log,
    put_away,
    reindex,
    restore,
    run,
    run_logs,
    runs,
    watch,
)
from huohou.api.machine import env, init
from huohou.api.pairs import data_make_pairs
from huohou.api.passages import ask_passages, passages_answerer
from huohou.api.plans import make_plan
from huohou.api.predictions import evaluate_predictions
from huohou.api.reports import report
from huohou.api.scores import calibrate, compare, evaluate_answers
from huohou.api.search import mine
from huohou.api.sweeps import compare_sweep, plan_sweep, sweep

__all__ = [
    "ask",
    "ask_passages",
    "back_up",
    "branch",
    "calibrate",
    "compare",
    "compare_sweep",
    "data_check",
    "data_make",
    "data_make_pairs",
    "data_split",
    "data_stats",
    "diagnose",
    "env",
    "evaluate",
    "evaluate_answers",
    "evaluate_predictions",
    "explain",
    "explain_all",
    "find_run",
    "gates_file",
    "import_log",
    "init",
    "make_plan",
    "mine",
    "move",
    "need_extra",
    "open_engine",
    "passages_answerer",
    "plan_sweep",
    "put_away",
    "reindex",
    "report",
    "restore",
    "resume",
    "run",
    "run_logs",
    "runs",
    "same_name",
    "stop",
    "sweep",
    "train",
    "watch",
    "workspace",
]
