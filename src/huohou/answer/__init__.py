"""Answers from a table of facts: looked up, chosen and checked, never made up."""
