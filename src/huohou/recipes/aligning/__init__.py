"""The pieces of recipe ``align``: stage 2 of a retrieval model, on its hard cases."""
