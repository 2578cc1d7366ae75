"""How long the platform waits, in seconds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The platform's own, which tests shorten.

    `message_lock`: a queue message stays invisible unless renewed. `answer`: the load balancer gives up on every plan,
    while the function goes on. `storage`: the host ends when its storage was away for so long.
    """

    message_lock: int = 600
    answer: float = 230.0
    storage: float = 40.0


PLATFORM = Limits()
