"""Wrong rules of thumb, one file each. Everything in here is found by itself."""
