"""Revokes sign-in sessions: of leavers who were blocked, and of users on a federated domain.

A user created through Graph on such a domain must sign in every 12 hours, until the sessions are revoked once:
that sets `signInSessionsValidFromDateTime` (learn.microsoft.com/graph/api/user-post-users).
"""

from collections.abc import Iterable
from contextlib import aclosing
from itertools import count

from shared.entra.batch import BATCH_SIZE, BeforeSend, Request
from shared.entra.client import segment
from shared.entra.graph import Part
from shared.errors import GraphError

# Eventual consistency: Graph may answer 404 for a newly created user for a while.
TRIES = 5


class Sessions(Part):
    async def revoke_sessions(
        self, object_ids: Iterable[str], before_send: BeforeSend[str]
    ) -> tuple[set[str], list[GraphError]]:
        """Signs these users out everywhere; those who were, and the refusals.

        Gives up where nothing but refusals came.
        """
        waiting, revoked, refusals = sorted(object_ids), set[str](), list[GraphError]()
        for attempt in count(1):
            # Inside a batch, even an action without parameters needs a body.
            requests = [
                Request(method="POST", path=f"/users/{segment(i)}/revokeSignInSessions", body={}, subject=i)
                for i in waiting
            ]
            waiting = []
            async with aclosing(self.graph.send(requests, before_send)) as sent:
                async for answers in sent:
                    for request, answer in answers:
                        if answer.status == 404 and attempt < TRIES:
                            waiting.append(request.subject)
                        elif answer.status == 200:
                            revoked.add(request.subject)
                        else:
                            refusals.append(answer.error)
                    if not revoked and len(refusals) >= BATCH_SIZE:
                        return revoked, refusals
            if not waiting:
                break
            await self.graph.pause(attempt)
        return revoked, refusals
