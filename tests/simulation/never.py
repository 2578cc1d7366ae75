"""What is not missed when it never occurs, and why: this world can't bring it about, or not within 20,000 hours."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from tests.simulation.occurring import possible

_WHY: dict[str, str] = {
    "Nobody asks for it here: what-if runs, watched domains, chosen people, decisions, a second person's word": """
        kind check, reason run.checked, reason look.checking, reason look.reading, kind only, kind watch, kind whatIf,
        rule decision, event approval.*, event decision.*, event hold.lifted,
        event leaver.decided, event people.found, event person.read, event history.*, event auditLog.*,
        event source.described, reason decisions.*, reason history.*, reason leavers.*, reason only.*, reason person.*,
        reason leaver.ordered, reason leaver.keptDecided, reason leaver.deleteNow, reason run.whatIf*,
        reason run.watch*, reason run.notApprovable, reason run.undoNotApprovable, reason run.notListed,
        reason run.unknown, reason undo.notASync, reason match.accountUnread, reason match.bothMatch,
        reason match.namedAnew""",
    "Notifications have no receiver here": "event notification.*, reason notification.*",
    "The tenant's settings stay as they are: attribute map, scope, sign-in, UPN from Email, protected users": """
        event settings.bad, event settings.unreadable, event timer.waitsForReview,
        reason expression.*, reason map.*, reason rule.*, reason scope.*,
        reason setting.*, reason settings.*, reason signIn.*, reason people.*, reason rename.byEmail,
        reason leaver.movedByEmail, reason leaver.unlinked, reason protected.listed, reason protected.nobody,
        reason run.needsDryRun, reason run.otherSettings, reason run.settingsChanged, reason run.waitsForReview,
        reason warning.fieldsEmpty, reason warning.groupsUnread, reason warning.looksRight, reason warning.signIn*,
        reason warning.unknownStatus, reason source.nobodyHasStatus, reason source.fieldUnknown,
        reason newcomer.blocked, reason limit.emptied, reason limit.cleared""",
    "The source is Access Control, whose JSON is well formed": """
        reason source.brokenUtf8, reason source.cellCount, reason source.column*, reason source.emptyFile,
        reason source.emptyRow, reason source.encoding, reason source.notCsv, reason source.onLine,
        reason source.onPage, reason source.atItem, reason source.listValue, reason source.noUsername,
        reason source.notAUser, reason source.unreadable, reason source.upnLost, reason source.username*,
        reason hennge.answerRefused,
        reason hennge.badCursor, reason hennge.noItems, reason hennge.notAnObject, reason hennge.notAuthorised,
        reason hennge.otherCursor""",
    "The values of people are good ones, and their UPNs on the tenant's own domains": """
        reason add.withoutUpn, reason immutableId.characters, reason leaver.foreign, reason leaver.movedNearly,
        reason leaver.movedTo*, reason leaver.unusableUpn, reason leaver.withoutUpn, reason pointer.alias,
        reason pointer.email, reason pointer.immutableId, reason pointer.nickname, reason shield.foreign,
        reason shield.near, reason shield.nowhere, reason shield.unverified, reason upn.*, reason value.*,
        rule folded""",
    "Every person of this tenant is a plain one: no Active Directory, agents, groups with roles, Exchange, PIM": """
        reason protected.activeDirectory, reason protected.agent, reason protected.eligible,
        reason protected.otherMailbox, reason protected.resourceAccount, reason protected.restricted,
        reason protected.roleOfGroup, reason preCheck.*, reason holder.application, reason holder.group,
        reason write.exchangeMastered, reason warning.noExchange""",
    "Graph grants the app every permission, and answers in the form that is documented": """
        reason caller.*, reason graph.answer*, reason graph.badNextLink, reason graph.denied, reason graph.foreignPage,
        reason graph.leftOut, reason graph.noCount, reason graph.noDomains, reason graph.noToken, reason graph.noValue,
        reason graph.notJson, reason graph.notPlain, reason graph.notTexts, reason graph.propertyMissing,
        reason graph.refused, reason graph.refusedQuota, reason graph.refusedValue, reason newcomer.noRoom,
        reason warning.noRoom, reason warning.notSelectable, reason warning.sessionsDenied, reason warning.*Untold,
        reason unseen.permissionMissing, reason unseen.purposesUntold, reason leaver.purposeUntold, event health.failed,
        reason warning.eligibleMembersUnseen, reason detour.demanded""",
    "What storage holds is neither lost nor unreadable, but for a snapshot": """
        event links.*, event queue.unreadable, event run.unreadable, event run.freed, event storage.forbidden,
        event storage.missing, reason run.unreadable*, reason leaver.rowUnreadable, reason add.memoryInDoubt,
        reason leaver.memoryInDoubt, reason undo.journalGone""",
    "The domains stay, and HTTP requests are good ones": """
        event timer.removed, event http.refused, event auth.notInFront, event cache.notKept""",
    "It is said in the app's log alone, in words": "reason reading.awaited, reason run.timeIsUp",
    "A scenario is two days long": "reason look.forgotten, reason undo.purged, reason warning.notFound",
    "An upper limit for each attribute, or for additions, is set by nobody": """
        reason limit.adds, reason limit.updates, reason limit.countExceeded""",
    "At most thrice in 5,000 hours: each is a rare meeting, and wants an ambush of its own": """
        action unblock, event http.failed, event lease.notRenewed, event run.endsUnsettled,
        event run.poisoned, reason add.anothers, reason add.deletedUnread, reason add.leaverKept,
        reason add.mayBeNameless, reason aside.left, reason doubt.notMade, reason doubt.notShown,
        reason doubt.steppedAside, reason graph.tookTooLong, reason holder.restoredUser,
        reason leaver.changed, reason leaver.enabledAgain, reason leaver.keptEnabled,
        reason leaver.keptUndone, reason leaver.known, reason leaver.notAskedAgain,
        reason leaver.notLookedAt, reason leaver.renamed, reason limit.deletionsApproved,
        reason limit.noDeletions, reason limit.sourceKept, reason limit.sourceShrank, reason look.addresses,
        reason look.addressesOnDomain, reason look.aside, reason look.created, reason look.deleted,
        reason look.deletedConflicts, reason look.immutableIds, reason look.leavers, reason look.pointing,
        reason look.remembered, reason match.mayBeHandedOn, reason match.otherNames,
        reason match.remembered, reason match.twoAccounts, reason run.poisoned, reason undo.aside,
        reason undo.changedSince, reason undo.clash, reason undo.deletedSince, reason undo.immutableIdTaken,
        reason undo.isBack, reason undo.unmapped, reason undo.unread, reason unseen.blocked,
        reason unseen.deleted, reason unseen.renamed, reason unseen.rolesUnread, reason unseen.unblocked,
        reason warning.deletedUnseen, reason warning.leaversKept, reason warning.namelessDeleted,
        reason warning.nobodyDeleted, reason warning.nobodyRenamed, reason warning.notSignedOut,
        reason warning.rolesUnread, reason warning.shortListing, reason write.hasUpnAgain,
        reason write.restoredAsBefore, reason write.restoredAside, reason write.restoredBefore,
        reason write.staysAside, reason write.triedAgain, reason write.unread, reason write.wasCreated,
        reason write.wasGone, reason write.wasRestored""",
}
NEVER: dict[str, str] = {
    " ".join(pattern.split()): why for why, patterns in _WHY.items() for pattern in patterns.split(",")
}


def lacking(seen: Mapping[str, int]) -> list[str]:
    """What should have occurred and never did."""
    missing = (one for one in possible() if not seen.get(one))
    return sorted(one for one in missing if not _named(one))


def outdated(seen: Mapping[str, int]) -> list[str]:
    """What is named as never occurring, and did."""
    return sorted(one for one in possible() if seen.get(one) and _named(one))


def _named(one: str) -> bool:
    return any(fnmatchcase(one, pattern) for pattern in NEVER)
