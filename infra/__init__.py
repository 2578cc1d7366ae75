"""Templates, and the scripts that run before and after a deployment."""
