"""What is known of a person's values: those that Entra gives back in another form, or refuses. Pure.

A difference of form is written once, since it may be a correction of the source. If the account shows it again, that
is reported once, and then left alone until the source says something else.

A value over which Exchange has authority is refused to Graph, and no property tells which those are. So after a refusal
it is left alone until the source says something else, and tried again after `RETRIED_AFTER`.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from hashlib import blake2b

from shared.model.addresses import fold_name
from shared.model.changes import AttributeChange, Change
from shared.model.parts import Parts, say
from shared.model.results import EXCHANGE_MASTERED, Outcome
from shared.planning.mapping import SIGN_IN

RETRIED_AFTER = timedelta(days=7)
_REPORT = "value.altered"
_DIGEST_BYTES = 8
_REPORTED = "!"
# Between the digest of a value that was refused and the date.
_REFUSED = "~"


def is_altered(difference: AttributeChange, known: str) -> bool:
    """Whether the value was written, and the account has another form of it."""
    return _digest(difference) in known.replace(_REPORTED, "").split() and _is_other_form(difference)


def is_refused(difference: AttributeChange, known: str, since: str) -> bool:
    """Whether Entra has refused the value, after the date `since`."""
    entry = _digest(difference) + _REFUSED
    return any(one.startswith(entry) and one.removeprefix(entry) > since for one in known.split())


def report(altered: Iterable[AttributeChange], known: str) -> Parts:
    """What Entra has made of these values; empty if all of it was reported before."""
    new = [one for one in altered if _digest(one) + _REPORTED not in known.split()]
    parts = (
        say("value.altered", attribute=one.attribute, value=repr(one.after), altered=repr(one.before))
        for one in new
    )
    return tuple(part for said in parts for part in said)


def learned(
    change: Change, known: str, *, succeeded: bool, refused: Iterable[AttributeChange] = (), today: str = ""
) -> str:
    """What is known of a person's values after this change: of each attribute the last one written so, or refused."""
    entries = {entry.partition(":")[0]: entry for entry in known.split()}
    entries |= {a.attribute: f"{_digest(a)}{_REFUSED}{today}" for a in refused}
    if succeeded:
        for name in {a.attribute for a in change.attributes}:
            if _REFUSED in entries.get(name, ""):
                del entries[name]
        entries |= {a.attribute: _digest(a) for a in change.attributes if _is_other_form(a)}
    for part in change.reason:
        entry = entries.get(str(part.parameters["attribute"]), "") if part.code == _REPORT else ""
        if entry and not entry.endswith(_REPORTED):
            entries[entry.partition(":")[0]] = entry + _REPORTED
    return " ".join(entries.values())


def noted(forms: Mapping[str, str], outcome: Outcome, today: str) -> dict[str, str]:
    """Source id → what is known of their values, if this outcome tells something new."""
    change = outcome.change
    known = forms.get(change.source_id or "", "")
    refused: Iterable[AttributeChange] = ()
    if outcome.error_code == EXCHANGE_MASTERED:
        refused = outcome.refused or (a for a in change.attributes if a.attribute not in SIGN_IN)
    now = learned(change, known, succeeded=outcome.succeeded, refused=refused, today=today)
    return {change.source_id: now} if change.source_id and now != known else {}


def _is_other_form(difference: AttributeChange) -> bool:
    before, after = difference.before, difference.after
    return isinstance(before, str) and isinstance(after, str) and fold_name(before) == fold_name(after)


def _digest(difference: AttributeChange) -> str:
    value = blake2b(str(difference.after).encode(errors="replace"), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{difference.attribute}:{value}"
