"""Looks for what points from source users without an account to accounts that would be deleted, here or elsewhere."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.clock import Clock
from shared.model.addresses import fold_name
from shared.model.parts import say
from shared.model.people import EntraUser, SourceUser
from shared.planning.doubts import pointers_to_leavers
from shared.planning.leavers import doomed
from shared.planning.lookups import Lookups
from shared.planning.mapping import AttributeMap, domain_of
from shared.planning.matching import Matching, is_on
from shared.planning.pointers import Pointer, username_local_part
from shared.planning.sides import Directory
from shared.planning.territory import Where
from shared.runs.side_looks import SideLooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointing:
    directory: Directory
    attribute_map: AttributeMap
    looks: SideLooks
    clock: Clock

    async def look(self, people: Sequence[SourceUser], matching: Matching, lookups: Lookups) -> Lookups:
        """Adds to `lookups` who points to whom. A look that fails leaves the accounts in question undeleted."""
        lookups = await self._at_leavers(people, matching, lookups)
        newcomers = [
            user
            for user in matching.source_only
            if user.source_id not in lookups.unclear
            and not (lookups.outside.get(user.source_id) or lookups.deleted.get(user.source_id))
        ]
        if not newcomers:
            return lookups
        resembling = await self.clock.in_thread(self._in_bin, newcomers, matching, lookups)
        if lookups.territory.syncing & lookups.territory.verified - {matching.domain}:
            for user, account in await self._elsewhere(newcomers, people, matching, lookups):
                resembling.setdefault(user.source_id, []).append(account)
        apart = matching.apart
        return replace(
            lookups,
            resembling={
                who: found
                for who, accounts in resembling.items()
                if (found := [one for one in accounts if (who, one.object_id) not in apart])
            },
        )

    async def _at_leavers(
        self, people: Sequence[SourceUser], matching: Matching, lookups: Lookups
    ) -> Lookups:
        leaving = await self.clock.in_thread(doomed, matching, lookups)
        if not leaving:
            return lookups
        named = await self.looks.at(self.directory.find_users(object_ids=leaving), None, say("look.names"))
        by_id = {account.object_id: account for account in named or ()}
        if unseen := len(leaving - by_id.keys()):
            lookups = replace(lookups, pointers_unread=say("leaver.namesUnread", count=unseen))
        leavers = [by_id.get(target.object_id, target) for target in matching.target_only]
        lookups = replace(lookups, leavers=leavers)
        arguments = (people, matching, lookups, self.attribute_map)
        pointers = await self.clock.in_thread(pointers_to_leavers, *arguments)
        certain = await self._certain_elsewhere(pointers, matching, lookups)
        pointers = [pointer for pointer in pointers if pointer.user.source_id not in certain]
        return replace(lookups, pointers=pointers, certain=certain)

    async def _certain_elsewhere(
        self, pointers: list[Pointer], matching: Matching, lookups: Lookups
    ) -> frozenset[str]:
        """Source ids of users on other domains, or on none, who have an account of their own."""
        elsewhere = {p.user.source_id: p for p in pointers if not is_on(matching.domain, p.user.upn)}
        if not elsewhere:
            return frozenset()
        links, ours = matching.links, (Where.OWN, Where.OFF)
        accounts = await self.looks.at(
            self.directory.find_users(
                immutable_ids=[p.user.immutable_id for p in elsewhere.values() if p.user.immutable_id],
                object_ids=[links[who] for who in elsewhere if who in links],
                upns=[p.user.upn for p in elsewhere.values() if p.place.where in ours],
            ),
            (),
            say("look.pointing"),
        )
        theirs = {account.object_id for account in (*accounts, *lookups.in_bin)}
        keys = {account.immutable_id for account in (*accounts, *lookups.in_bin)} - {None}
        anothers = {*matching.formerly, *links.values()}
        upns = {account.upn.lower() for account in accounts if account.object_id not in anothers}
        return frozenset(
            who
            for who, pointer in elsewhere.items()
            if pointer.user.immutable_id in keys
            or links.get(who) in theirs
            or pointer.user.upn.lower() in upns
        )

    def _in_bin(
        self, newcomers: Sequence[SourceUser], matching: Matching, lookups: Lookups
    ) -> dict[str, list[EntraUser]]:
        """Source id → accounts in the recycle bin that a sync deleted, or whose person left, and that may be theirs.

        By display name, and by the nickname where memory does not know whose the account was.
        """
        by_name: dict[str, list[EntraUser]] = {}
        by_nickname: dict[str, list[EntraUser]] = {}
        for gone in lookups.in_bin:
            known, deleted = gone.object_id in matching.formerly, gone.object_id in lookups.deleted_by_sync
            if (known or deleted) and (name := fold_name(gone.display_name)):
                by_name.setdefault(name, []).append(gone)
            if deleted and not known and gone.nickname:
                by_nickname.setdefault(gone.nickname.casefold(), []).append(gone)
        found = {
            user.source_id: [
                *by_name.get(fold_name(self.attribute_map.display_name(user)), ()),
                *by_nickname.get(username_local_part(user), ()),
            ]
            for user in newcomers
        }
        return {
            who: list({one.object_id: one for one in some}.values()) for who, some in found.items() if some
        }

    def _written(self, user: SourceUser) -> set[str]:
        """How their display name may be written: Graph compares it as it is, but for upper and lower case."""
        name = self.attribute_map.display_name(user)
        plain = unicodedata.normalize("NFKC", name)
        words = [plain.split()]
        values = dict(zip(self.attribute_map.attributes, user.values, strict=True))
        both = [str(values.get(one) or "") for one in ("surname", "givenName")]
        words += [order for order in (both, both[::-1]) if fold_name("".join(order)) == fold_name(name)]
        return {name, plain, *(space.join(some) for some in words for space in ("", " ", "\u3000"))} - {""}

    async def _elsewhere(
        self,
        newcomers: Sequence[SourceUser],
        people: Sequence[SourceUser],
        matching: Matching,
        lookups: Lookups,
    ) -> list[tuple[SourceUser, EntraUser]]:
        """Newcomers, each with an account that another domain's sync would delete and that may be theirs."""
        by_name: dict[str, list[SourceUser]] = {}
        by_nickname: dict[str, list[SourceUser]] = {}
        for user in newcomers:
            if name := self.attribute_map.display_name(user):
                by_name.setdefault(fold_name(name), []).append(user)
            by_nickname.setdefault(username_local_part(user), []).append(user)
        accounts = await self.looks.at(
            self.directory.find_users(
                display_names=sorted({name for user in newcomers for name in self._written(user)}),
                nicknames=sorted(by_nickname),
            ),
            (),
            say("look.resembling"),
        )
        listed, known = {user.upn.lower() for user in people}, set(matching.links.values())
        found = []
        for account in {account.object_id: account for account in accounts}.values():
            if (
                domain_of(account.upn) == matching.domain
                or domain_of(account.upn) not in lookups.territory.syncing
                or account.upn.lower() in listed
                or account.object_id in known
                or account.immutable_id in matching.by_immutable_id
                or lookups.protection.without_holds.reason_not_to_touch(account)
            ):
                continue
            alike = by_name.get(fold_name(account.display_name), [])
            if account.object_id not in matching.formerly:
                alike = [*alike, *by_nickname.get(account.nickname.casefold(), [])]
            found += [(user, account) for user in {user.source_id: user for user in alike}.values()]
        return found
