"""The faults: how each is planted in nine ways, and by which rule it counts as decidable.

The rule of a fault is fixed here, before anything is scored, and knows nothing of any doctor:
``effect``, the run ended worse in truth than its healthy twin by more than re-seeded twins differ;
a fact that planting leaves behind (``fact``); or ``never``, for what no log can show.
"""

from bench.faultbench.faults._kinds import Fault, Way
from bench.faultbench.faults.course import COURSE
from bench.faultbench.faults.evals import EVALS
from bench.faultbench.faults.learning import LEARNING
from bench.faultbench.faults.process import PROCESS
from bench.faultbench.faults.ranking import RANKING
from bench.faultbench.faults.rows import ROWS
from bench.faultbench.faults.search import SEARCH
from bench.faultbench.faults.training import TRAINING

FAULTS: dict[str, Fault] = {
    f.name: f for f in (*TRAINING, *LEARNING, *COURSE, *EVALS, *PROCESS, *SEARCH, *RANKING, *ROWS)
}

__all__ = ["FAULTS", "Fault", "Way"]
