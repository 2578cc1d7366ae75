"""The queue messages that the host makes from a queue output's value."""

import json

from local.host.rpc import TypedData


def messages(value: TypedData) -> list[str | bytes]:
    """Raises ValueError for text that looks like JSON and is not: on the host the invocation fails then.

    From azure-functions-host, FunctionBinding.cs, `ReadAsEnumerable` and `BindAsyncCollectorAsync`: an array, also one
    given as text, becomes one message per item. Other JSON is formatted again, with indents.
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
    """As Newtonsoft's JToken.ToString(), except that it also reformats dates in texts; this does not."""
    if item is None:
        return ""
    if isinstance(item, bool):
        return str(item)
    return item if isinstance(item, str) else json.dumps(item, indent=2, ensure_ascii=False)


def _looks_like_json(text: str) -> bool:
    """As Utility.cs, `IsJson`: looks at the first and last character only."""
    stripped = text.strip()
    return (stripped[:1], stripped[-1:]) in (("{", "}"), ("[", "]"))
