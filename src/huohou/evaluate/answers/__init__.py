"""Scorecards of the answering engine: is it right, does it invent, does it know its doubts.

The engine is handed in as a function from a question to the document of ``huohou ask --json``, so
that any way to answer can be scored: look-up, a model that chooses, a model alone.
"""
