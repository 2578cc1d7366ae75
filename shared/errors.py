"""What can go wrong, as nouns of the domain.

Every message names the thing, says what is wrong with it and what to do. None of them ever holds a secret.
"""

Parameter = str | int | tuple[str, ...]

# Graph's code for a permission that the app lacks, or a user whom it may not touch.
DENIED = "Authorization_RequestDenied"


class SyncError(Exception):
    """Anything this application raises on purpose; what it says may be shown to an administrator.

    `sentence` is a code of `shared/words/`, `parameters` fill its placeholders. The text of its cause, `because`,
    follows.
    """

    def __init__(
        self, sentence: str, /, *, because: "SyncError | None" = None, **parameters: Parameter
    ) -> None:
        super().__init__(sentence, parameters)
        self.sentence = sentence
        self.parameters = parameters
        self.because = because

    def __str__(self) -> str:
        """For tracebacks only."""
        named = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"{self.sentence}({named})" + (f" {self.because}" if self.because else "")


class SourceError(SyncError):
    """The source could not be read completely; nothing may be concluded from what was read."""


def looks_right(fitting: str) -> SourceError | None:
    """What an error about missing fields goes on with: the fields of `People.fitting`; None if there are none."""
    return SourceError("source.looksRight", map=fitting) if fitting else None


class GraphError(SyncError):
    """Microsoft Graph refused a request or could not be reached."""

    def __init__(
        self,
        sentence: str,
        /,
        *,
        status: int = 0,
        code: str = "",
        request_id: str = "",
        **parameters: Parameter,
    ) -> None:
        super().__init__(sentence, because=None, **parameters)
        self.status = status
        self.code = code
        self.request_id = request_id


class RunStopped(SyncError):
    """The run must not write any more; what it has written so far remains."""


class CallerRefused(RunStopped):
    """Graph refuses the app itself, whatever it asks for: no answer about a person."""


class LeaseLost(RunStopped):
    """Another invocation may hold the domain by now."""


class CancelRequested(RunStopped):
    """An administrator asked for the run to stop."""


class TimeBudgetSpent(RunStopped):
    """The invocation must end before the host ends it; the run goes on in the next one."""


class ReadingAwaited(RunStopped):
    """Another invocation reads the source; the run goes on when that has ended."""


class Stalled(SyncError):
    """Several invocations in a row made no progress, so another one would not either."""


class DomainBusy(SyncError):
    """Another invocation holds the domain's lease and keeps renewing it."""


class DomainNotFound(SyncError):
    """Not a verified domain of the tenant."""


class PersonNotFound(SyncError):
    """Neither side has such a person, or no domain of the tenant has them."""


class RunNotFound(SyncError):
    """No Sync Log with that id, or older than 90 days."""


class RunActive(SyncError):
    """The domain already has a run that is queued or running. `taken_up`: it was abandoned, and goes on now."""

    def __init__(self, domain: str, run_id: str, *, taken_up: bool = False) -> None:
        super().__init__("run.activeTakenUp" if taken_up else "run.active", domain=domain, run=run_id)
        self.run_id = run_id


class SettingsUnreadable(SyncError):
    """A stored setting of a domain is damaged, or was written by a newer version."""


class Unavailable(SyncError):
    """The value is not known yet; worth another try after `retry_after` seconds."""

    def __init__(
        self, sentence: str, /, *, retry_after: int, because: SyncError | None = None, **parameters: Parameter
    ) -> None:
        super().__init__(sentence, because=because, **parameters)
        self.retry_after = retry_after


class NotReceived(SyncError):
    """The receiver of a notification was not reached, or did not take it. Says nothing of its address."""


class NotificationNotFound(SyncError):
    """No notification with that id."""


class PreconditionFailed(SyncError):
    """The caller's ETag is not the current one."""


class JournalGone(SyncError):
    """The sync can't be undone: its journal is older than 30 days, or it left none."""


class NotPossible(SyncError):
    """The request does not fit the run's kind or state."""


class AuditLogGone(SyncError):
    """The audit log is older than 24 hours, or a later dry run has overwritten it."""
