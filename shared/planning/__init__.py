"""Turns the two lists of users into a `Plan`: one change per user. Pure.

`matching` pairs the two sides. `lookups` holds what was read beyond them: `protection` has every reason not to
touch a user, `recycle_bin` finds deleted users to restore. `plan` builds the plan: `differences` computes one user's
change, `conflicts` marks changes that can't succeed, `renames` puts renames in a workable order. During a sync,
`deletions` checks every deletion once more. `cycles` turns off Python's garbage collector while planning.
"""
