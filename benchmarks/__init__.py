"""What the sync costs, measured: `make bench`, or one of these files alone, `python -m benchmarks.parsing`.

Each figure comes from fresh processes and is the median of as many runs as its row says. Where CPU is claimed, CPU
time is measured: the machine may be busy with other things. Memory is read from /proc, so this needs Linux.
"""
