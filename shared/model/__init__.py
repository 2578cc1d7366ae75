"""Plain data: people, changes and how they ended, runs, domains. No I/O."""
