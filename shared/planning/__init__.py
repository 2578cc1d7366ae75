"""Two lists of people in, a `Plan` out: what is to happen to everybody. Pure.

`matching` pairs the two sides. `lookups` holds what was looked up beyond them: `protection` has every reason not
to touch somebody, `recycle_bin` says who comes back. `decisions` makes the plan of it: `differences` is one person's
change, `conflicts` what can't succeed, `renames` the order that works. `deletions` has the last word, in a sync, on
whoever is to be deleted. `cycles` only keeps Python's garbage collector out of the way.
"""
