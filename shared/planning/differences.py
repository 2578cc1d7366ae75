"""Compares one user's two sides: the change that makes Entra equal to the source, and its obstacle. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.model.changes import Action, AttributeChange, Change, Obstacle
from shared.model.parts import say
from shared.model.people import EntraUser, SourceUser
from shared.planning.detours import with_detour
from shared.planning.entra_limits import refused_immutable_id, refused_upn, refused_value
from shared.planning.forms import is_altered, is_refused, report
from shared.planning.lookups import Lookups
from shared.planning.mapping import ENABLED, IMMUTABLE_ID, UPN, AttributeMap
from shared.planning.renames import temporary_upn

KEYLESS = Obstacle("ImmutableIdMissing", say("immutableId.missing"))
_NEW, _RETURNED = say("newcomer.inSourceOnly"), say("newcomer.restored")


@dataclass(frozen=True, slots=True)
class Differences:
    """Compares the source user and the Entra user under the run's attribute map."""

    lookups: Lookups
    attribute_map: AttributeMap

    def between(self, user: SourceUser, target: EntraUser) -> Change | None:
        """The update or rename that makes `target` equal to `user`; None if they are equal already.

        A skip, if the only difference is one that Entra has made or refuses, and this is to be reported.
        """
        renamed = not user.only_found and user.upn.lower() != target.upn.lower()
        rekeyed = user.immutable_id is not None and user.immutable_id != target.immutable_id
        if user.values == target.values and not renamed and not rekeyed:
            return None
        attributes = []
        if renamed:
            attributes.append(AttributeChange(UPN, target.upn, user.upn))
        if rekeyed:
            attributes.append(AttributeChange(IMMUTABLE_ID, target.immutable_id, user.immutable_id))
        names = self.attribute_map.attributes
        attributes += [
            AttributeChange(attribute, before, after)
            for attribute, before, after in zip(names, target.values, user.values, strict=True)
            if before != after and attribute not in self.lookups.untouched
        ]
        known = self.lookups.forms.get(user.source_id, "")
        altered = [one for one in attributes if is_altered(one, known)] if known else []
        attributes = [one for one in attributes if one not in altered]
        refused = [one for one in attributes if is_refused(one, known, self.lookups.refused_since)]
        attributes = [one for one in attributes if one not in refused]
        told = report(altered, known)
        if refused:
            told += say("value.exchangeMastered", attributes=tuple(one.attribute for one in refused))
        if not attributes and not told:
            return None
        change = Change(
            action=(Action.RENAME if renamed else Action.UPDATE) if attributes else Action.SKIP,
            upn=target.upn,
            display_name=target.display_name,
            object_id=target.object_id,
            source_id=user.source_id,
            attributes=tuple(attributes),
            reason=told,
            obstacle=_refused(user, attributes) or (self._no_immutable_id(user, target) if renamed else None),
        )
        if not renamed and not rekeyed:
            return change
        return with_detour(change, self.lookups.initial_domain, federated=self.lookups.federated)

    def added(self, user: SourceUser) -> Change:
        """The add of a user that Entra lacks: enabled, with the default usage location, unless the source sets them."""
        attributes = [
            AttributeChange(UPN, None, user.upn),
            AttributeChange("mailNickname", None, user.upn.partition("@")[0]),
        ]
        if user.immutable_id:
            attributes.append(AttributeChange(IMMUTABLE_ID, None, user.immutable_id))
        attributes.extend(
            AttributeChange(attribute, None, value)
            for attribute, value in zip(self.attribute_map.attributes, user.values, strict=True)
            if value is not None
        )
        named = {change.attribute for change in attributes}
        if ENABLED not in named:
            attributes.append(AttributeChange(ENABLED, None, True))
        if self.lookups.usage_location and "usageLocation" not in named:
            attributes.append(AttributeChange("usageLocation", None, self.lookups.usage_location))
        obstacle = _refused(user, attributes)
        if "displayName" not in named:
            obstacle = obstacle or refused_value("displayName", None)
        obstacle = obstacle or self._no_immutable_id(user)
        name = self.attribute_map.display_name(user)
        return Change(
            action=Action.ADD,
            upn=user.upn,
            display_name=name,
            object_id=None,
            source_id=user.source_id,
            attributes=tuple(attributes),
            reason=_NEW,
            obstacle=obstacle,
        )

    def restored(self, user: SourceUser, gone: EntraUser) -> Change:
        """The restore of the deleted user `gone`, with the attributes that differ from the source."""
        change = self.between(user, gone)
        keyless = self.lookups.federated and not gone.immutable_id
        restored = Change(
            action=Action.RESTORE,
            upn=gone.upn,
            display_name=gone.display_name,
            object_id=gone.object_id,
            source_id=user.source_id,
            attributes=change.attributes if change else (),
            reason=_RETURNED,
            obstacle=(change.obstacle if change else None) or self._no_immutable_id(user, gone),
        )
        # A federated domain accepts no user without an immutable ID, not even briefly until the ID is set.
        return replace(
            restored, via=temporary_upn(restored, self.lookups.initial_domain) if keyless else None
        )

    def _no_immutable_id(self, user: SourceUser, target: EntraUser | None = None) -> Obstacle | None:
        if not self.lookups.federated or user.immutable_id or (target and target.immutable_id):
            return None
        return KEYLESS


def _refused(user: SourceUser, attributes: Sequence[AttributeChange]) -> Obstacle | None:
    """The first reason why Entra would refuse these values; None if it would accept them all."""
    if user.problem:
        return Obstacle("InvalidValue", user.problem)
    for change in attributes:
        if change.attribute == UPN:
            obstacle = refused_upn(str(change.after))
        elif change.attribute == IMMUTABLE_ID:
            obstacle = refused_immutable_id(str(change.after))
        else:
            obstacle = refused_value(change.attribute, change.after)
        if obstacle:
            return obstacle
    return None
