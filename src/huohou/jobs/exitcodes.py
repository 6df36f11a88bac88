"""Exit codes of the training process: they say why even where nothing could be written any more."""

FAILED = 1
OUT_OF_MEMORY = 12  # ENOMEM
DISK_FULL = 28  # ENOSPC
