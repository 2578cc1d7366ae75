"""Measures what the sync costs: `make bench` runs all benchmarks, `python -m benchmarks.parsing` only one.

Each figure is the median of several runs in fresh processes; the row says how many. CPU figures are CPU time, not wall
time, because the machine may be busy with other things. Memory is read from /proc, so the benchmarks need Linux.
"""
