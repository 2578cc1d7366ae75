"""Changes and how they ended as JSON documents: what journals and the plans of dry runs are made of."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from shared.model.changes import Action, AttributeChange, Change, Rule
from shared.model.parts import stored_parts
from shared.model.results import Outcome, Result

Document = dict[str, Any]
_TEXTS = {"object_id": "objectId", "error_code": "errorCode", "request_id": "requestId"}
_FIELDS = tuple(one.name for one in fields(Change) if one.name != "obstacle")


def change_document(change: Change) -> Document:
    """The intended change, without its obstacle; what is in it is left to orjson."""
    document = {name: getattr(change, name) for name in _FIELDS}
    if change.stage is None:
        del document["stage"]
    return document


def read_change(document: Mapping[str, Any]) -> Change:
    return Change(
        action=Action(document["action"]),
        upn=document["upn"],
        display_name=document["display_name"],
        object_id=document["object_id"],
        source_id=document["source_id"],
        attributes=tuple(map(_read_attribute, document["attributes"])),
        reason=stored_parts(document["reason"]),
        via=document["via"],
        # Absent in what the previous version wrote.
        direct_first=document.get("direct_first", False),
        rule=Rule(rule) if (rule := document.get("rule")) else None,
        stage=document.get("stage"),
    )


def outcome_document(outcome: Outcome) -> Document:
    """How a change ended, without the change and without empty fields."""
    said = {name: getattr(outcome, field) for field, name in _TEXTS.items()}
    said |= {"note": outcome.note, "errorMessage": outcome.error_message, "refused": outcome.refused}
    return {"result": outcome.result.value, **{name: value for name, value in said.items() if value}}


def read_outcome(document: Mapping[str, Any], change: Change) -> Outcome:
    texts = {field: document[name] for field, name in _TEXTS.items() if name in document}
    refused = document.get("refused", [])
    if isinstance(refused, dict):  # as the previous version wrote it
        refused = [refused]
    return Outcome(
        change=change,
        result=Result(document["result"]),
        note=stored_parts(document.get("note", ())),
        error_message=stored_parts(document.get("errorMessage", ())),
        refused=tuple(map(_read_attribute, refused)),
        **texts,
    )


def _read_attribute(document: Mapping[str, Any]) -> AttributeChange:
    return AttributeChange(document["attribute"], document["before"], document["after"])
