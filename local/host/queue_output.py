"""What the host makes of a value that a function gave to a queue output."""

import json

from local.host.rpc import TypedData


def messages(value: TypedData) -> list[str | bytes]:
    """The messages; raises ValueError for what only looks like JSON, as the host's invocation fails then.

    From azure-functions-host, FunctionBinding.cs, `ReadAsEnumerable` and `BindAsyncCollectorAsync`: an array becomes a
    message for each item, also one given as text; whatever else is JSON is written anew, indented.
    """
    if value.bytes is not None:
        return [value.bytes]
    if value.json is not None:
        return _of(json.loads(value.json))
    text = value.string or ""
    return _of(json.loads(text)) if _looks_like_json(text) else [text]


def _of(document: object) -> list[str | bytes]:
    return [_text(item) for item in (document if isinstance(document, list) else [document])]


def _text(item: object) -> str:
    """Newtonsoft's JToken.ToString(); it would also reformat texts that are dates, which is left out here."""
    if item is None:
        return ""
    if isinstance(item, bool):
        return str(item)
    return item if isinstance(item, str) else json.dumps(item, indent=2, ensure_ascii=False)


def _looks_like_json(text: str) -> bool:
    """Utility.cs, `IsJson`: by its first and last character."""
    stripped = text.strip()
    return (stripped[:1], stripped[-1:]) in (("{", "}"), ("[", "]"))
