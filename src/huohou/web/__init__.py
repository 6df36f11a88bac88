"""The page and its API: a client of ``huohou.api`` like the command line. Needs no torch."""
