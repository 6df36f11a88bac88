"""Scorecards of a search: questions ranked against the whole corpus, the plain ways beside it.

What is ranked is in ``searches.py``, how it is seen in ``seen.py``, which numbers are made of it in
``numbers.py``; ``score.py`` puts a run's card together.
"""
