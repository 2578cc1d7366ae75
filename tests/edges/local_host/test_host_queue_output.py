"""What the host makes of a value for a queue."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.host.queue_output import messages
from local.host.rpc import TypedData

DOCUMENTS = st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.booleans()))


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("plain", ["plain"]),
        ("", [""]),
        ('{"a": 1}', ['{\n  "a": 1\n}']),
        ('["a", {"b": "例"}, 3, true, null]', ["a", '{\n  "b": "例"\n}', "3", "True", ""]),
        ("[]", []),
        ('"quoted"', ['"quoted"']),
        ("{not closed", ["{not closed"]),
    ],
)
def test_text_that_is_json_is_written_anew_and_an_array_becomes_several(text: str, sent: list[str]) -> None:
    assert messages(TypedData(string=text)) == sent


def test_text_that_only_looks_like_json_fails() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        messages(TypedData(string="{not json}"))


def test_bytes_are_sent_as_they_are() -> None:
    assert messages(TypedData(bytes=b'{"a": 1}')) == [b'{"a": 1}']


@given(st.lists(DOCUMENTS))
def test_a_list_of_documents_is_a_message_each_with_the_same_content(documents: list[object]) -> None:
    # As the worker sends what Out[List[str]] was given.
    several = messages(TypedData(json=json.dumps([json.dumps(one) for one in documents])))
    again = messages(TypedData(json=json.dumps(documents)))

    assert [json.loads(text) for text in several] == [json.loads(text) for text in again] == documents
