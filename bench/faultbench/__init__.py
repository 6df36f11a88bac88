"""FT-FaultBench: real small fine-tuning runs with planted faults, healthy runs and look-alikes."""
