"""Templates, and the scripts that run around a deployment."""
