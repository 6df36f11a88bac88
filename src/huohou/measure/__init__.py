"""Metrics and statistics as pure functions: values in, values out, no model, no file.

Every formula names its source, and its doctest is an example that can be checked by hand.
"""
