"""Blob `tenant/questions/{domain}`: what the domain's last run asks, and which pairs it offers to tell apart."""

import orjson

from shared.model.questions import OpenQuestions
from shared.store.attempts import or_none, tried_again
from shared.store.storage import TENANT, Storage


class QuestionStore:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @tried_again
    async def read(self, domain: str) -> OpenQuestions:
        container = await self._storage.open_container(TENANT)
        found = await or_none(container.download_blob(_name(domain)))
        if found is None:
            return OpenQuestions(run_id="")
        return OpenQuestions.model_validate(orjson.loads(await found.readall()))

    async def replace(self, domain: str, asked: OpenQuestions, *, kept: bool = True) -> OpenQuestions:
        """Keeps what a run asks in place of what the one before asked. Each has the time when it was first asked.

        Not `kept`: only the times are looked up.
        """
        before = await self.read(domain)
        if not (asked.questions or asked.offered or before.questions or before.offered):
            return asked
        known = {one.id: one.since for one in before.questions}
        now = self._storage.clock.now()
        asked = asked.model_copy(
            update={
                "questions": tuple(
                    one.model_copy(update={"since": known.get(one.id) or now}) for one in asked.questions
                )
            }
        )
        if kept:
            await self._write(domain, asked)
        return asked

    @tried_again
    async def _write(self, domain: str, asked: OpenQuestions) -> None:
        container = await self._storage.open_container(TENANT)
        await container.upload_blob(
            _name(domain), orjson.dumps(asked.model_dump(mode="json", by_alias=True)), overwrite=True
        )


def _name(domain: str) -> str:
    return f"questions/{domain}"
