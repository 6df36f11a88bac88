"""The doors of the API, one file each: a module with ``router`` is included by itself."""
