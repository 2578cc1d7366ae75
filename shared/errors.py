"""What can go wrong, as nouns of the domain.

Every message names the thing, says what is wrong with it and what to do. None of them ever holds a secret.
"""

Parameter = str | int | tuple[str, ...]


class SyncError(Exception):
    """Anything this application raises on purpose; what it says may be shown to an administrator.

    `sentence` is a code of `shared/words/`, `parameters` are what fills it. What `because` says follows.
    """

    def __init__(
        self, sentence: str, /, *, because: "SyncError | None" = None, **parameters: Parameter
    ) -> None:
        super().__init__(sentence, parameters)
        self.sentence = sentence
        self.parameters = parameters
        self.because = because

    def __str__(self) -> str:
        """For tracebacks alone."""
        named = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return f"{self.sentence}({named})" + (f" {self.because}" if self.because else "")


class SourceError(SyncError):
    """The source could not be read completely; nothing may be concluded from what was read."""


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
    """The run must not write any more; what was written so far stands."""


class CallerRefused(RunStopped):
    """Graph refuses the app itself, whatever it asks for: no answer about a person."""


class LeaseLost(RunStopped):
    """Another invocation may hold the domain by now."""


class CancelRequested(RunStopped):
    """Somebody asked for the run to stop."""


class TimeBudgetSpent(RunStopped):
    """The invocation must end before the host ends it; the run goes on in the next one."""


class Stalled(SyncError):
    """Several invocations in a row got nothing done: another one would not, either."""


class DomainBusy(SyncError):
    """Another invocation holds the domain's lease and keeps renewing it."""


class DomainNotFound(SyncError):
    """Not a verified domain of the tenant."""


class RunNotFound(SyncError):
    """No Sync Log with that id, or older than 90 days."""


class RunActive(SyncError):
    """The domain already has a run that is queued or running; `taken_up` says that nobody was performing it."""

    def __init__(self, domain: str, run_id: str, *, taken_up: bool = False) -> None:
        super().__init__("run.activeTakenUp" if taken_up else "run.active", domain=domain, run=run_id)
        self.run_id = run_id


class SettingsUnreadable(SyncError):
    """What is stored for a domain is damaged, or was written by a newer version."""


class Unavailable(SyncError):
    """Nothing is known yet of what was asked for; worth another try after `retry_after` seconds."""

    def __init__(
        self, sentence: str, /, *, retry_after: int, because: SyncError | None = None, **parameters: Parameter
    ) -> None:
        super().__init__(sentence, because=because, **parameters)
        self.retry_after = retry_after


class PreconditionFailed(SyncError):
    """The caller's ETag is not the current one."""


class JournalGone(SyncError):
    """The sync is too long ago to be taken back."""


class NotPossible(SyncError):
    """The run is not of the kind, or not in the state, that was asked for."""


class AuditLogGone(SyncError):
    """The audit log is older than 24 hours, or a later dry run has overwritten it."""
