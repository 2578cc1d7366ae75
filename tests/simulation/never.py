"""What is not missed when it never occurs, and why: this world can't bring it about, or hardly."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from tests.simulation.occurring import possible

_CANNOT: dict[str, str] = {
    "Nobody asks for it here: withdrawals, look-ups, pre-checks, orders to delete a leaver": """
        kind check, reason run.checked,
        event approval.withdrawn, event auditLog.*, event decision.takenBack, event hold.lifted, event history.*,
        event leaver.decided, event people.found, event person.read, event source.described, reason history.*,
        reason leaver.deleteNow, reason leaver.keptDecided, reason leaver.ordered, reason leavers.unknown,
        reason person.*""",
    "Who asks names what is there: questions that are open, syncs and dry runs that can be approved or undone": """
        reason decisions.*, reason run.notApprovable, reason run.notListed, reason run.undoNotApprovable,
        reason run.unknown, reason run.watchNotApprovable, reason run.whatIfNotApprovable, reason undo.notASync""",
    "Notifications have no receiver here": "event notification.*, reason notification.*",
    "The tenant's settings stay as they are: attribute map, scope, sign-in, UPN from Email, protected users": """
        event settings.bad, event settings.unreadable,
        reason expression.*, reason map.*, reason rule.*, reason scope.*, reason setting.*, reason settings.*,
        reason signIn.disabled, reason people.unverified, reason people.upnBesideEmail, reason rename.byEmail,
        reason leaver.unlinked, reason protected.listed, reason protected.nobody,
        reason run.settingsChanged, reason run.needsDryRun, reason run.waitsForReview,
        reason undo.unmapped,
        reason warning.fieldsEmpty, reason warning.groupsUnread, reason warning.looksRight, reason warning.signIn*,
        reason warning.unknownStatus, reason source.nobodyHasStatus, reason source.fieldUnknown,
        reason newcomer.blocked""",
    "The source is Access Control, whose JSON is well formed": """
        reason source.brokenUtf8, reason source.cellCount, reason source.column*, reason source.emptyFile,
        reason source.emptyRow, reason source.encoding, reason source.notCsv, reason source.onLine,
        reason source.atItem, reason source.listValue, reason source.noUsername,
        reason source.notAUser, reason source.unreadable, reason source.upnLost,
        reason source.usernameTwiceInItems, reason source.usernameTwiceOnLines,
        reason hennge.answerRefused, reason hennge.badCursor, reason hennge.noItems, reason hennge.notAnObject,
        reason hennge.notAuthorised, reason hennge.otherCursor""",
    "Every domain of this tenant is verified; nobody mistypes a country, a nickname or a dot": """
        reason leaver.movedToUnverified, reason shield.unverified, reason upn.dot, reason value.displayNameMissing,
        reason value.notACountry, reason value.notANickname, reason value.unwritable,
        reason value.usageLocationCleared""",
    "Every person of this tenant is a plain one: no Active Directory, agents, groups with roles, Exchange": """
        reason protected.activeDirectory, reason protected.agent, reason protected.otherMailbox,
        reason protected.resourceAccount, reason protected.restricted, reason protected.roleOfGroup,
        reason holder.application, reason holder.group, reason write.exchangeMastered,
        reason value.exchangeMastered, reason warning.noExchange""",
    "Graph grants the app every permission, and answers in the form that is documented": """
        reason caller.unauthorized, reason caller.answered, reason caller.batchRefused, reason caller.refused,
        reason graph.answer*, reason graph.badNextLink, reason graph.denied,
        reason graph.foreignPage, reason graph.leftOut, reason graph.noCount, reason graph.noDomains,
        reason graph.noToken, reason graph.noValue, reason graph.notJson, reason graph.notPlain,
        reason graph.notTexts, reason graph.propertyMissing, reason graph.refusedQuota,
        reason graph.refusedValue, reason newcomer.noRoom, reason warning.noRoom, reason warning.notSelectable,
        reason warning.*Untold, reason unseen.purposesUntold,
        reason leaver.purposeUntold, event health.failed, reason warning.eligibleMembersUnseen""",
    "What storage holds is neither lost nor unreadable, but for snapshots": """
        event links.*, event queue.unreadable, event run.unreadable, event run.freed, event storage.forbidden,
        event storage.missing, event run.endsUnsettled, reason match.mayBeHandedOn, reason match.otherNames,
        reason run.unreadable*, reason leaver.rowUnreadable, reason add.memoryInDoubt,
        reason leaver.memoryInDoubt, reason undo.journalGone""",
    "The immutable ID of a deleted user stays theirs": "reason undo.immutableIdTaken",
    "Nobody else synchronises this tenant": "reason preCheck.henngeSync",
    "The domains stay": "event timer.removed, event auth.notInFront",
    "It is said in the app's log alone, in words, or in an answer of the API": """
        reason reading.awaited, reason limit.noDeletions""",
    "REQUIRE_DELETION_CHECKS stays on: without it whom the app may not look at is deleted on purpose": """
        reason leaver.notLookedAt, reason warning.deletedUnseen""",
    "An upper limit for each attribute, or for additions, is set by nobody": """
        reason limit.adds, reason limit.updates, reason limit.countExceeded""",
}

# It can, but not in each 20,000 hours.
_SELDOM: dict[str, str] = {
    "Graph leaves one certain request of a run unanswered to the last try, and answers the next": """
        reason look.leavers, reason look.remembered, reason match.accountUnread""",
    "Whoever has the immutable ID of an account is certainly its person, but for two who have the same": """
        reason pointer.immutableId""",
    "A what-if with sign-ins must meet an account that a sync has blocked, and whose person is back": """
        reason signIn.enabled""",
    "Storage must refuse one certain thing to the last try": """
        event cache.notKept, event reading.untold""",
    "Somebody changes who is kept, or how long leavers wait, between a dry run and its approval": """
        reason run.otherSettings""",
    "Between two syncs everybody in the source must lose the last value of one field": "reason limit.emptied",
    "The answer to a restore must be lost, or its second step refused, or somebody must be quicker": """
        reason write.restoredAside, reason write.restoredBefore, reason write.wasRestored""",
    "An account elsewhere, or a deleted one, is that of one person by memory, and of another by immutable ID": """
        reason match.bothMatch""",
    "Of the few who are chosen, one must wait for somebody who is not": "reason only.needsOthers",
    "What the timer leaves takes a moment, and must fail five times": "event hour.poisoned",
    "Graph must deny one certain sign-out in a run that has created somebody on the federated domain": """
        reason warning.sessionsDenied""",
    "Somebody must come to a later page of the source while it is read": """
        reason source.onPage, reason source.usernameTwiceOnPages""",
    "A record must lose its UPN while its Email is somewhere else": "reason leaver.movedByEmail",
    "Entra must give back a name otherwise than it was written": "reason value.altered",
    "Whoever is to be added must be found at an account elsewhere that is known to be another's": """
        reason add.anothers""",
    "Graph must deny every write of one kind in a run": "reason caller.denied",
    "Graph must leave somebody out of a list whose count it tells, and a run must need that list": """
        reason warning.shortListing""",
}


def _patterns(text: str) -> Iterable[str]:
    return (" ".join(pattern.split()) for pattern in text.split(","))


CANNOT: dict[str, str] = {pattern: why for why, text in _CANNOT.items() for pattern in _patterns(text)}
SELDOM: dict[str, str] = {pattern: why for why, text in _SELDOM.items() for pattern in _patterns(text)}


def lacking(seen: Mapping[str, int]) -> list[str]:
    """What should have occurred and never did."""
    return sorted(one for one in possible() - SELDOM.keys() if not seen.get(one) and not _can_never(one))


def outdated(seen: Mapping[str, int]) -> list[str]:
    """What is named as impossible, and did occur."""
    return sorted(one for one in possible() if seen.get(one) and _can_never(one))


def _can_never(one: str) -> bool:
    return any(fnmatchcase(one, pattern) for pattern in CANNOT)
