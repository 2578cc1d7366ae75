"""What every request to another service shares: bounded answers, retries, cached values."""
