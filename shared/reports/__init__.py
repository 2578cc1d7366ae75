"""What people are told: the audit log's rows, a run's summary, the pre-check, a person. Pure."""
