"""Runs a model to see what it does. ``generate`` and ``load`` need torch: import them late."""
