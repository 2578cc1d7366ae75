"""Values that Entra gives back in another form than they were written in. Pure.

Such a difference is written once, since it may be a correction of the source. If the account shows it again, that is
reported once, and then left alone until the source says something else.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b

from shared.model.addresses import fold_name
from shared.model.changes import AttributeChange, Change
from shared.model.parts import Parts, say

_REPORT = "value.altered"
_DIGEST_BYTES = 8
_REPORTED = "!"


def is_altered(difference: AttributeChange, known: str) -> bool:
    """Whether the value was written, and the account has another form of it."""
    return _digest(difference) in known.replace(_REPORTED, "").split() and _is_other_form(difference)


def report(altered: Iterable[AttributeChange], known: str) -> Parts:
    """What Entra has made of these values; empty if all of it was reported before."""
    new = [one for one in altered if _digest(one) + _REPORTED not in known.split()]
    parts = (
        say("value.altered", attribute=one.attribute, value=repr(one.after), altered=repr(one.before))
        for one in new
    )
    return tuple(part for said in parts for part in said)


def learned(change: Change, known: str, *, succeeded: bool) -> str:
    """What is known of a person's values after this change: of each attribute the last one that was written so."""
    entries = {entry.partition(":")[0]: entry for entry in known.split()}
    if succeeded:
        entries |= {a.attribute: _digest(a) for a in change.attributes if _is_other_form(a)}
    for part in change.reason:
        entry = entries.get(str(part.parameters["attribute"]), "") if part.code == _REPORT else ""
        if entry and not entry.endswith(_REPORTED):
            entries[entry.partition(":")[0]] = entry + _REPORTED
    return " ".join(entries.values())


def noted(forms: Mapping[str, str], change: Change, *, succeeded: bool) -> dict[str, str]:
    """Source id → what is known of their values, if this change tells something new."""
    known = forms.get(change.source_id or "", "")
    now = learned(change, known, succeeded=succeeded)
    return {change.source_id: now} if change.source_id and now != known else {}


def _is_other_form(difference: AttributeChange) -> bool:
    before, after = difference.before, difference.after
    return isinstance(before, str) and isinstance(after, str) and fold_name(before) == fold_name(after)


def _digest(difference: AttributeChange) -> str:
    value = blake2b(str(difference.after).encode(errors="replace"), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{difference.attribute}:{value}"
