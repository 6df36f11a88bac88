"""The command line: one file a command, thin; everything goes through ``huohou.api``."""
