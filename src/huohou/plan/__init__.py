"""What a run will do, decided and frozen before it starts."""

from huohou.plan.frozen import Choice, DataPart, Plan, Prediction
from huohou.plan.make import Outlook, Predict, make_plan

__all__ = ["Choice", "DataPart", "Outlook", "Plan", "Predict", "Prediction", "make_plan"]
