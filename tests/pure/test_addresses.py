"""Folding: whatever was done to an address on its way into a cell, it is compared as the plain one."""

import re
import string
import unicodedata
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.model.addresses import fold, fold_domain, fold_name, nearly

LETTERS = string.ascii_lowercase + string.digits
UNSEEN = (
    "\u200b\u200c\u200d\u200e\u2060\ufeff\u00ad\u034f\u115f\u180b\u2800\u3164\ufe0f\uffa0\U000e0100"
    "\x00\x08\x1f\x7f\x9f\ud800"
)
OTHER_FORMS = {"@": "@＠﹫", ".": ".．。｡", "-": "-‐‑‒–—―−－﹣", "'": "'’‘ʼ＇′`"}
SEPARATORS = (";", ",", "；", "、", "，", " ", "\u3000", "\n", "\r\n", "\t", "\u2028", "; ", " , ")
BESIDE = (
    "%s", " %s ", "%s.", "%s。", "SMTP:%s", "smtp:%s", "SMTP：%s", "sip:%s", "mailto:%s?subject=Hi", "'%s'", "‘%s’",
    "“%s”", "(%s)", "「%s」", "<%s>", "青木 花子 <%s>", '"Aoki, Hanako" <%s>', "青木＜%s＞",
)  # fmt: skip

words = st.text(LETTERS, min_size=1, max_size=8)
addresses = st.builds("{}{}{}@{}.{}".format, words, st.sampled_from(["", *".-'_+"]), words, words, words)
anything = st.text(st.characters(exclude_categories=()), max_size=60)


def decorated(address: str, chance: Random) -> str:
    """The address in other forms of its characters, with what nobody sees between them, and something beside it."""
    typed = "".join(chance.choice(_forms(c)) + chance.choice(("", *UNSEEN)) for c in address)
    return chance.choice(BESIDE) % typed


def _forms(character: str) -> str:
    full_width = 0xFEE0
    both = character + character.upper()
    return OTHER_FORMS.get(character, both + "".join(chr(ord(c) + full_width) for c in both))


@given(st.lists(addresses, max_size=4), st.integers())
def test_every_decoration_of_an_address_is_compared_as_the_plain_one(plain: list[str], seed: int) -> None:
    chance = Random(seed)
    cell = "".join(decorated(address, chance) + chance.choice(SEPARATORS) for address in plain)

    assert fold(cell) == tuple(dict.fromkeys(plain))


@given(
    anything
    | st.lists(addresses | anything).map("@".join)
    | st.text("a@.,;:ß' <>﹫。😀\u0345\ud800-", max_size=30)
)
@example("x@-ß")
@example("x@" + "ß" * 40)
def test_any_text_folds_and_what_is_folded_stays(text: str) -> None:
    found = fold(text)

    assert fold("; ".join(found)) == found
    for address in found:
        assert not any(c.isspace() or c in UNSEEN for c in address)
        assert address.count("@") == 1
        assert all(address.split("@"))
        assert fold(address) == (address,)


@given(anything)
@example("İ")
def test_any_text_is_compared_as_a_name_and_what_is_folded_stays(text: str) -> None:
    folded = fold_name(text)

    assert fold_name(folded) == folded
    assert fold_name(f"\u3000{text}\u200b ") == folded
    assert not re.search(r"\s", folded)


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("taro @ contoso.com", ("taro@contoso.com",)),
        ("taro@contoso.com hanako @contoso.com", ("taro@contoso.com",)),
        ("a@contoso.com;b@contoso.com，a@contoso.com", ("a@contoso.com", "b@contoso.com")),
        ("Staff: a@contoso.com, b@contoso.com;", ("a@contoso.com", "b@contoso.com")),
        ("boss@contoso.com <taro@contoso.com>", ("boss@contoso.com", "taro@contoso.com")),
        ("o’neil@contoso.com", ("o'neil@contoso.com",)),
        ("taro@contoso.com@fabrikam.com", ()),
        ("taro@", ()),
        ("@contoso.com", ()),
        ("'@contoso.com", ()),
        ("taro@.", ()),
        ("taro@\u200b", ()),
        ("taro", ()),
        ("", ()),
        ('"taro yamada"@contoso.com', ()),
        ("ta¨ro@contoso.com", ("\u0308ro@contoso.com",)),
    ],
)
def test_the_addresses_of_a_cell(cell: str, found: tuple[str, ...]) -> None:
    assert fold(cell) == found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("青木.jp", "xn--4pv058h.jp"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("bu\u0308cher。example", "XN--BCHER-KVA.EXAMPLE."),
        ("straße.de", "xn--strae-oqa.de"),
        ("ﾃﾞｰﾀ.jp", "データ.jp"),
        ("😀.example", "xn--e28h.example"),
        ("my_host.青木.jp", "MY_HOST.xn--4pv058h.jp"),
        ("-Ä.jp", "-ä.jp"),
    ],
)
def test_the_forms_of_a_domain_fold_to_one(one: str, other: str) -> None:
    assert fold(f"taro@{one}") == fold(f"taro@{other}") == (f"taro@{fold_domain(one)}",)
    assert fold_domain(one).isascii()


def test_two_domains_that_may_both_be_registered_stay_two() -> None:
    assert fold("taro@straße.de") != fold("taro@strasse.de")


@pytest.mark.parametrize("one", ["髙橋 一郎", "ﾀｶﾊｼ", "か\u3099く", "Å ngström", "STRASSE"])
def test_a_name_is_compared_without_form_case_and_white_space(one: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        other = "\u200b".join(unicodedata.normalize(form, one)).swapcase().replace(" ", "\u3000")
        assert fold_name(other) == fold_name(one)


def test_a_name_of_what_nobody_sees_is_empty() -> None:
    assert fold_name(UNSEEN + " \u3000") == ""


@pytest.mark.parametrize("length", [320, 321])
def test_an_address_has_at_most_320_characters(length: int) -> None:
    whole = "t" * (length - 5) + "@x.jp"
    assert fold(whole) == fold(whole.upper()) == ((whole,) if length <= 320 else ())


@given(words, st.data())
def test_one_slip_is_near(name: str, data: st.DataObject) -> None:
    domain = f"{name}.jp"
    at, letter = data.draw(st.integers(0, len(domain) - 1)), data.draw(st.sampled_from(LETTERS))
    slips = (
        domain[:at] + letter + domain[at:],
        domain[:at] + domain[at + 1 :],
        domain[:at] + letter + domain[at + 1 :],
        domain[:at] + domain[at : at + 2][::-1] + domain[at + 2 :],
    )
    for slip in slips:
        assert nearly(domain, slip)
        assert nearly(slip, domain)


@given(st.text("ab", max_size=7), st.text("ab", max_size=7))
def test_near_is_the_distance_of_damerau(one: str, other: str) -> None:
    assert nearly(one, other) is nearly(other, one) is (_distance(one, other) <= 1)


def _distance(one: str, other: str) -> int:
    """Optimal string alignment, by the book."""
    rows = [[i + j if not (i and j) else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            same = one[i - 1] == other[j - 1]
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (not same))
            if i > 1 and j > 1 and one[i - 2 : i] == other[j - 2 : j][::-1]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


@given(anything, anything)
@example("xn--\ud800", "xn--99999999")
def test_near_takes_any_text(one: str, other: str) -> None:
    assert nearly(fold_domain(one), fold_domain(one))
    assert nearly(one, other) is nearly(other, one)


def test_a_slip_in_a_japanese_name_is_one_slip() -> None:
    assert nearly(fold_domain("青木商店.jp"), fold_domain("青本商店.jp"))
    assert not nearly(fold_domain("青木商店.jp"), fold_domain("赤本商店.jp"))


@pytest.mark.parametrize(
    "cell",
    [
        "\u0301\u0316" * 2**16,
        "a@\u0301\u0316" * 2**14,
        " @" * 2**16,
        "ß." * 2**15 + "@x",
        "x@" + "ß." * 2**16,
        "'" * 2**17,
    ],
    ids=["marks", "addresses", "spaces", "labels", "domain", "quotes"],
)
def test_a_long_cell_ends(cell: str) -> None:
    """At the square of its length each would take minutes, and the test's time limit would end it."""
    fold(cell)
    fold_domain(cell)
    fold_name(cell)
    nearly(cell, cell + "x")
