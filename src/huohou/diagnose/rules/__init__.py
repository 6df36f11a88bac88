"""One file a rule; see ``huohou.diagnose.rule`` for the form."""
