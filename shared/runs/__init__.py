"""A run from its start to its line in the Sync Logs, and what happens after a crash."""
