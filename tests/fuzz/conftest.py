"""What is run by `make fuzz` is no test module."""

collect_ignore = ["fuzz_readers.py", "large.py"]
