"""Performs a run, from its start to its line in the Sync Logs, and recovers it after a crash."""
