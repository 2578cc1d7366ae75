"""Compares one user's two sides: the change that makes Entra equal to the source, and its obstacle. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.model.changes import Action, AttributeChange, Change, Obstacle, Rule
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, SourceUser, Value
from shared.planning.detours import with_detour
from shared.planning.entra_limits import refused_immutable_id, refused_upn, refused_value
from shared.planning.forms import is_altered, is_refused, report
from shared.planning.holders import immutable_id_taken
from shared.planning.lookups import Lookups
from shared.planning.mapping import ENABLED, IMMUTABLE_ID, NICKNAME, UPN, AttributeMap
from shared.planning.renames import temporary_upn
from shared.planning.sign_in import action_of, created_enabled, switched

KEYLESS = Obstacle("ImmutableIdMissing", say("immutableId.missing"))
_NEW, _RETURNED, _BLOCKED = say("newcomer.inSourceOnly"), say("newcomer.restored"), say("newcomer.blocked")
_ENABLED, _DISABLED = say("signIn.enabled"), say("signIn.disabled")
_BACK = say("signIn.back")
_RENAMED_BY_EMAIL = say("rename.byEmail")


@dataclass(frozen=True, slots=True)
class Differences:
    """Compares the source user and the Entra user under the run's attribute map.

    `rules`: source id → what paired the two, which their changes say.
    """

    lookups: Lookups
    attribute_map: AttributeMap
    rules: Mapping[str, Rule] = field(default_factory=dict)

    def every(self, user: SourceUser, target: EntraUser) -> Iterator[Change]:
        """Every change that makes `target` equal to `user`: an update or rename, a block or unblock.

        A skip for a difference that is left as it is, and is to be reported.
        """
        change = self.between(user, target)
        refused = self._refused_id(change) if change else None
        rest = self.between(replace(user, immutable_id=None), target) if refused else None
        if rest and rest.obstacle != KEYLESS:
            change = rest
        else:
            refused = None
        if change:
            yield change
        if (left_out := self._left_out(user, target)) or refused:
            yield self._of(user, target, Action.SKIP, reason=left_out, obstacle=refused)
        is_back = self._is_back(user, target)
        if switch := self._switched(user, target, is_back=is_back):
            reason = _BACK if is_back else _ENABLED if switch.after else _DISABLED
            yield self._of(user, target, action_of(switch), attributes=(switch,), reason=reason)

    def _is_back(self, user: SourceUser, target: EntraUser) -> bool:
        """Whether the account is turned off only since the source had not this person for a while."""
        return self.lookups.staging.is_ours(target) and created_enabled(user)

    def _switched(self, user: SourceUser, target: EntraUser, *, is_back: bool) -> AttributeChange | None:
        if is_back:
            return AttributeChange(ENABLED, target.enabled, True)
        return switched(self.lookups.sign_in, user, target, self.lookups.blocked.get(user.source_id, ""))

    def between(self, user: SourceUser, target: EntraUser) -> Change | None:
        """The update or rename that makes `target` equal to `user`; None if they are equal already.

        A skip, if the only difference is one that Entra has made or refuses, and this is to be reported.
        """
        # Whom Email only finds gets no other identity by that.
        renamed = not user.only_found and user.upn.lower() != target.upn.lower()
        other_key = user.immutable_id is not None and user.immutable_id != target.immutable_id
        rekeyed = not user.only_found and other_key
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
            if before != after and not self._keeps(user, attribute, after)
        ]
        known = self.lookups.forms.get(user.source_id, "")
        altered = [one for one in attributes if is_altered(one, known)] if known else []
        since = self.lookups.refused_since
        refused = [one for one in attributes if is_refused(one, known, since)] if known else []
        attributes = [one for one in attributes if one not in altered and one not in refused]
        told = report(altered, known) if altered else ()
        if refused:
            told += say("value.exchangeMastered", attributes=tuple(one.attribute for one in refused))
        if not attributes and not told:
            return None
        action = (Action.RENAME if renamed else Action.UPDATE) if attributes else Action.SKIP
        change = self._of(
            user,
            target,
            action,
            attributes=attributes,
            reason=told if user.upn_given or not renamed else told + _RENAMED_BY_EMAIL,
            obstacle=_refused(user, attributes) or (self._no_immutable_id(user, target) if renamed else None),
        )
        if not renamed and not rekeyed:
            return change
        return with_detour(change, self.lookups.initial_domain, federated=self.lookups.federated)

    def _refused_id(self, change: Change) -> Obstacle | None:
        """Why Entra would refuse the immutable ID, if the change has more than that: the rest goes without it."""
        wanted = change.after(IMMUTABLE_ID)
        if not wanted or len(change.attributes) == 1:
            return None
        refused = refused_immutable_id(str(wanted))
        refused = refused or immutable_id_taken(wanted, change.object_id, self.lookups.immutable_ids)
        return refused and replace(
            refused, message=say("value.leftOut", attribute=IMMUTABLE_ID, because=refused.message)
        )

    def _keeps(self, user: SourceUser, attribute: str, value: Value) -> bool:
        """Whether the account keeps what it has: an absent field says nothing, and no account is without a nickname."""
        if attribute == NICKNAME:
            return value is None or refused_value(attribute, value) is not None
        # A display name that is made of the other names is no value of the field either.
        absent = value is None or (attribute == "displayName" and user.name_made)
        return absent and attribute in self.lookups.untouched

    def _left_out(self, user: SourceUser, target: EntraUser) -> Parts:
        """Why the nickname alone is left as it is, where Entra would refuse it: a Username can't be corrected."""
        if NICKNAME not in self.attribute_map.attributes:
            return ()
        place = self.attribute_map.attributes.index(NICKNAME)
        nickname = user.values[place]
        refused = refused_value(NICKNAME, nickname) if nickname != target.values[place] else None
        if not refused:
            return ()
        return say("value.leftOut", attribute=NICKNAME, because=refused.message)

    def added(self, user: SourceUser) -> Change:
        """The add of a user that Entra lacks, with the default usage location unless the source sets one."""
        values = dict(zip(self.attribute_map.attributes, user.values, strict=True))
        nickname = values.pop(NICKNAME, None) or user.upn.partition("@")[0]
        attributes = [AttributeChange(UPN, None, user.upn), AttributeChange(NICKNAME, None, nickname)]
        if user.immutable_id:
            attributes.append(AttributeChange(IMMUTABLE_ID, None, user.immutable_id))
        attributes.extend(
            AttributeChange(attribute, None, value)
            for attribute, value in values.items()
            if value is not None
        )
        named = {change.attribute for change in attributes}
        enabled = created_enabled(user)
        attributes.append(AttributeChange(ENABLED, None, enabled))
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
            reason=_NEW if enabled else _NEW + _BLOCKED,
            obstacle=obstacle,
        )

    def restored(self, user: SourceUser, gone: EntraUser) -> Change:
        """The restore of the deleted user `gone`, with the attributes that differ from the source."""
        change = self.between(user, gone)
        switch = self._switched(user, gone, is_back=self._is_back(user, gone))
        rekeyed = not gone.immutable_id or (change and change.after(IMMUTABLE_ID))
        restored = self._of(
            user,
            gone,
            Action.RESTORE,
            attributes=(*(change.attributes if change else ()), *((switch,) if switch else ())),
            reason=_RETURNED + self._left_out(user, gone),
            obstacle=(change.obstacle if change else None) or self._no_immutable_id(user, gone),
        )
        # A federated domain accepts no user without an immutable ID, not even briefly, and none that gets another one.
        via = temporary_upn(restored, self.lookups.initial_domain)
        return replace(restored, via=via if self.lookups.federated and rekeyed else None)

    def _no_immutable_id(self, user: SourceUser, target: EntraUser | None = None) -> Obstacle | None:
        if not self.lookups.federated or user.immutable_id or (target and target.immutable_id):
            return None
        return KEYLESS

    def _of(
        self,
        user: SourceUser,
        target: EntraUser,
        action: Action,
        *,
        attributes: Iterable[AttributeChange] = (),
        reason: Parts = (),
        obstacle: Obstacle | None = None,
    ) -> Change:
        """A change of this account."""
        return Change(
            action=action,
            upn=target.upn,
            display_name=target.display_name,
            object_id=target.object_id,
            source_id=user.source_id,
            attributes=tuple(attributes),
            reason=reason,
            obstacle=obstacle,
            rule=self.rules.get(user.source_id),
        )


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
