"""Scorecards: which questions, which model, which metrics, and what the numbers do not say."""
