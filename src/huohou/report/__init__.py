"""Reports of a run for people: pages that need no server, no script and no network."""
