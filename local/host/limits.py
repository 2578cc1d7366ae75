"""How long the platform waits, in seconds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The platform's limits; tests use shorter ones.

    `message_lock`: how long a queue message stays invisible unless renewed. `answer`: when the load balancer stops
    waiting, on every plan; the function goes on. `storage`: how long storage may be unreachable before the host exits.
    `storage_answer`: when it asks storage again, which is the default of .NET's Azure.Core (`NetworkTimeout`).
    """

    message_lock: int = 600
    answer: float = 230.0
    storage: float = 40.0
    storage_answer: float = 100.0


PLATFORM = Limits()
