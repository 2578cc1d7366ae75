"""Who is who: the questions that a domain's last run has left open, and what people decide."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Self

import azure.functions as func
from pydantic import AfterValidator, Field, StrictBool, model_validator

from shared.http.domains import kept_domain
from shared.http.endpoint import AnyCall, Call, Nothing
from shared.http.problems import Problem, json
from shared.model.addresses import compared_id
from shared.model.bad_value import BadValue
from shared.model.parts import Parts, say
from shared.model.questions import Decision, OpenQuestions, Pair, Question
from shared.model.records import Record, Time
from shared.runs.deciding import decide, take_back

MOST_AT_ONCE = 500


class DecisionOrder(Record):
    source_id: str = Field(min_length=1, max_length=1024)
    object_id: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(compared_id)]
    same: StrictBool


class DecisionsOrder(Record):
    """`same`: whether this source user and this account are one person. It counts from the next run on."""

    decisions: tuple[DecisionOrder, ...] = Field(min_length=1, max_length=MOST_AT_ONCE)

    @model_validator(mode="after")
    def _not_contradictory(self) -> Self:
        pairs = Counter((one.source_id, one.object_id) for one in self.decisions)
        if twice := sorted({who for (who, _), count in pairs.items() if count > 1}):
            raise BadValue("decisions.answeredTwice", ids=tuple(twice))
        return self


class QuestionView(Question):
    """A source user and an account that may be theirs. `alsoIn`: further open questions about one of the two.

    `alike`: it may be answered together with others of its kind.
    """

    speaks_for: Parts = Field((), serialization_alias="for")
    speaks_against: Parts = Field((), serialization_alias="against")
    also_in: tuple[str, ...]


class DecisionView(Record):
    """`lapsesAt`: until then a sync has to make it so, or it no longer holds."""

    id: str
    source_id: str
    object_id: str
    same: bool
    by: str
    at: Time
    lapses_at: Time | None


class Offer(Record):
    source_id: str
    object_id: str


class DecisionList(Record):
    """`offered`: accounts that are left since they may be this source user's; a person may say that they are not."""

    questions: list[QuestionView]
    offered: list[Offer]
    decisions: list[DecisionView]


async def list_decisions(call: Call[Nothing, Nothing]) -> DecisionList:
    await kept_domain(call.services, call.domain)
    return await _answer(call)


async def make_decisions(call: Call[Nothing, DecisionsOrder]) -> func.HttpResponse:
    await kept_domain(call.services, call.domain)
    await decide(call.services, call.domain, pairs_of(call.body), call.author)
    return json(await _answer(call), 201)


def pairs_of(order: DecisionsOrder) -> dict[Pair, bool]:
    return {(one.source_id, one.object_id): one.same for one in order.decisions}


async def take_back_decision(call: Call[Nothing, Nothing]) -> DecisionList:
    await kept_domain(call.services, call.domain)
    if not await take_back(call.services, call.decision, call.author):
        raise Problem(404, "Unknown decision", say("decisions.unknown", id=repr(call.decision)))
    return await _answer(call)


async def _answer(call: AnyCall) -> DecisionList:
    asked = await call.services.questions.read(call.domain)
    return _list(asked, await call.services.decisions.read())


def _list(asked: OpenQuestions, standing: Sequence[Decision]) -> DecisionList:
    still_open = asked.still_open(standing)
    about: dict[str, list[str]] = {}
    for one in still_open:
        for side in one.pair:
            about.setdefault(side, []).append(one.id)
    return DecisionList(
        questions=[_question(one, about) for one in still_open],
        offered=[Offer(source_id=user, object_id=account) for user, account in asked.still_offered(standing)],
        decisions=[
            DecisionView.model_validate({**one.model_dump(exclude={"address"}), "lapses_at": one.lapses_at})
            for one in standing
        ],
    )


def _question(one: Question, about: Mapping[str, Sequence[str]]) -> QuestionView:
    """`about`: source id or object id → the ids of the open questions about it."""
    also = [other for side in one.pair for other in about[side] if other != one.id]
    return QuestionView.model_validate({**one.model_dump(), "also_in": tuple(also)})
