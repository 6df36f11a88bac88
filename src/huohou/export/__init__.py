"""Releases with proof: a model is handed over only where it is the model that was trained."""
