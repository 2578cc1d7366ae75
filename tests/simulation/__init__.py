"""A deterministic simulation: the app's own code for months of virtual time, in a world that goes wrong.

    python -m tests.simulation --hours 20000 --seed 7

One process, no socket, no waiting. The same scenario gives the same history, byte for byte. docs/simulation.md has what
it checks and what it does not see.
"""
