"""The facade: what command line, page and notebooks call. Nothing here is imported early."""

from huohou.api.answers import ask, open_engine
from huohou.api.caller import Caller, plain_text, sampling, turns
from huohou.api.common import find_run, keep, need_extra, workspace
from huohou.api.data import data_check, data_make, data_split, data_stats
from huohou.api.desk import Desk
from huohou.api.dismissals import dismiss, dismissals
from huohou.api.doctor import Limits, Patient, diagnose_here
from huohou.api.history import asked, mark, marked_file
from huohou.api.job_files import job_file, job_files, log_page
from huohou.api.job_list import (
    JobListing,
    database_stamp,
    folder_stamp,
    job_counts,
    job_list,
    jobs_now,
)
from huohou.api.job_page import job_details
from huohou.api.jobs import branch, move, named, resume, same_name, stop, train
from huohou.api.judging import diagnose, evaluate, explain, explain_all, gates_file
from huohou.api.listing import (
    back_up,
    fetch_run,
    import_log,
    put_away,
    reindex,
    restore,
    run,
    run_logs,
    runs,
    trash,
    watch,
)
from huohou.api.machine import env, init
from huohou.api.opened import LeftError
from huohou.api.pairs import data_make_pairs
from huohou.api.passages import ask_passages, passages_answerer
from huohou.api.places import (
    DOCUMENTS,
    Upload,
    allowed,
    allowed_settings,
    browse,
    keep_secret,
    roots,
)
from huohou.api.planner import Planner
from huohou.api.plans import make_plan
from huohou.api.predictions import evaluate_predictions
from huohou.api.releases import export, export_forms, ollama_create, probe, side_lines
from huohou.api.reports import report
from huohou.api.scores import calibrate, compare, evaluate_answers
from huohou.api.search import mine
from huohou.api.series import changes, clock, follow, series
from huohou.api.settings import settings_schema
from huohou.api.several import compare_runs
from huohou.api.starting import keep_aside, plan_document, plan_for, start, take_example
from huohou.api.sweeps import compare_sweep, plan_sweep, sweep
from huohou.api.talk import Talk, open_talk
from huohou.api.team import ROLES, People, Role, people, team, token_add, token_revoke
from huohou.api.told import checked_line, read_lines
from huohou.api.working import work

__all__ = [
    "DOCUMENTS",
    "ROLES",
    "Caller",
    "Desk",
    "JobListing",
    "LeftError",
    "Limits",
    "Patient",
    "People",
    "Planner",
    "Role",
    "Talk",
    "Upload",
    "allowed",
    "allowed_settings",
    "ask",
    "ask_passages",
    "asked",
    "back_up",
    "branch",
    "browse",
    "calibrate",
    "changes",
    "checked_line",
    "clock",
    "compare",
    "compare_runs",
    "compare_sweep",
    "data_check",
    "data_make",
    "data_make_pairs",
    "data_split",
    "data_stats",
    "database_stamp",
    "diagnose",
    "diagnose_here",
    "dismiss",
    "dismissals",
    "env",
    "evaluate",
    "evaluate_answers",
    "evaluate_predictions",
    "explain",
    "explain_all",
    "export",
    "export_forms",
    "fetch_run",
    "find_run",
    "folder_stamp",
    "follow",
    "gates_file",
    "import_log",
    "init",
    "job_counts",
    "job_details",
    "job_file",
    "job_files",
    "job_list",
    "jobs_now",
    "keep",
    "keep_aside",
    "keep_secret",
    "log_page",
    "make_plan",
    "mark",
    "marked_file",
    "mine",
    "move",
    "named",
    "need_extra",
    "ollama_create",
    "open_engine",
    "open_talk",
    "passages_answerer",
    "people",
    "plain_text",
    "plan_document",
    "plan_for",
    "plan_sweep",
    "probe",
    "put_away",
    "read_lines",
    "reindex",
    "report",
    "restore",
    "resume",
    "roots",
    "run",
    "run_logs",
    "runs",
    "same_name",
    "sampling",
    "series",
    "settings_schema",
    "side_lines",
    "start",
    "stop",
    "sweep",
    "take_example",
    "team",
    "token_add",
    "token_revoke",
    "train",
    "trash",
    "turns",
    "watch",
    "work",
    "workspace",
]
