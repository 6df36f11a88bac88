"""Pieces of the recipe that trains encoders of texts."""
