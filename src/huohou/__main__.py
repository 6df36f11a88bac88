"""``python -m huohou``: the command line."""

from huohou.cli.main import main

main()
