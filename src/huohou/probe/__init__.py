"""Runs a model to see what it does. Heavy: import its modules inside functions."""
