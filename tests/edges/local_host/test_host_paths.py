"""A path arrives as Kestrel hands it on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.host.paths import BadPath, escaped, normalised


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ("/api/domains/contoso.com/../x", "/api/domains/x"),
        ("/api/./domains/.", "/api/domains/"),
        ("/api/domains/%2e%2e/x", "/api/x"),
        ("/api/%2E/x", "/api/x"),
        ("/../../api/..", "/"),
        ("/api//domains", "/api//domains"),
        ("/api/a%2fb%2Fc", "/api/a%2fb%2Fc"),
        ("/api/%FF%fe", "/api/%FF%fe"),
        # Too long for what it encodes, half a surrogate, cut short: none is UTF-8.
        ("/%c0%ae%c0%ae/x", "/%c0%ae%c0%ae/x"),
        ("/%ED%A0%80/%E6%97", "/%ED%A0%80/%E6%97"),
        ("/%E6%97%A5%FF%41", "/日%FFA"),
        ("/%41%20%25%2e", "/A %."),
        ("/%4/%zz", "/%4/%zz"),
        ("/", "/"),
    ],
)
def test_a_path_is_decoded_and_its_dots_are_resolved(sent: str, arrives: str) -> None:
    assert normalised(sent) == arrives


@pytest.mark.parametrize("sent", ["/api/%00", "/api/a%00b", "/%E6%97%A5%00"])
def test_a_zero_byte_is_refused(sent: str) -> None:
    with pytest.raises(BadPath):
        normalised(sent)


@given(st.lists(st.text(min_size=1).filter(lambda part: not {"/", "\0"} & set(part)), min_size=1))
def test_what_is_written_into_a_url_comes_back(parts: list[str]) -> None:
    try:
        path = "/" + "/".join(part.replace("%", "").replace(".", "") or "x" for part in parts)
        url = escaped(path)
    except UnicodeEncodeError:  # half a surrogate can't be part of a path
        return

    assert url.isascii()
    assert normalised(url) == path
