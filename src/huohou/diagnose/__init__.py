"""The doctor: rules over a Record that say what is wrong, prove it and tell what to do.

``engine.diagnose`` runs every rule whose evidence is there. A rule is one file in ``rules/``.
"""
