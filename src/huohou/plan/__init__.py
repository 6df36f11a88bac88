"""What a run will do, decided and frozen before it starts."""

from huohou.plan.contract import Difference, contract, differences
from huohou.plan.frozen import Choice, DataPart, Plan, Prediction
from huohou.plan.make import Outlook, Predict, make_plan

__all__ = [
    "Choice",
    "DataPart",
    "Difference",
    "Outlook",
    "Plan",
    "Predict",
    "Prediction",
    "contract",
    "differences",
    "make_plan",
]
