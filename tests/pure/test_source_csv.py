"""Access Control's exported CSV: everybody, or an error that names the line."""

import pytest

from shared.errors import SourceError
from shared.planning.mapping import AttributeMap
from shared.source.csv import parse
from tests.support.errors import english, raises
from tests.support.people import MAP, source_user, values

HEADER = "Username,Email,Display Name,Family Name,Given Name,Status,UserPrincipalName,Immutable ID\r\n"
AOKI = "aoki,,青木 花子,青木,花子,enabled,aoki@contoso.com,\r\n"
BABA = "baba,,馬場 太郎,馬場,太郎,disabled,baba@contoso.com,QkFCQQ==\r\n"


def complaint(content: str | bytes) -> str:
    with pytest.raises(SourceError) as raised:
        parse(content if isinstance(content, bytes) else content.encode(), "users.csv", MAP)
    return english(raised.value)


def test_every_row_becomes_a_source_user() -> None:
    users = parse((HEADER + AOKI + BABA).encode(), "users.csv", MAP)

    assert users == [
        source_user("aoki@contoso.com"),
        source_user(
            "baba@contoso.com", immutable_id="QkFCQQ==", values=values("馬場 太郎", "太郎", "馬場", False)
        ),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("delimiter", [",", "\t"])
@pytest.mark.parametrize("newline", ["\r\n", "\n"])
def test_encoding_delimiter_and_line_ends_may_be_any_of_the_usual(
    encoding: str, delimiter: str, newline: str
) -> None:
    text = (HEADER + AOKI).replace(",", delimiter).replace("\r\n", newline)

    assert parse(text.encode(encoding), "users.csv", MAP) == [source_user()]


def test_a_quoted_cell_may_hold_delimiters_quotes_and_line_breaks() -> None:
    row = 'aoki,,"Aoki, ""H""\n花子",青木,花子,enabled,aoki@contoso.com,\r\n'

    (user,) = parse((HEADER + row).encode(), "users.csv", MAP)

    assert user.values[0] == 'Aoki, "H"\n花子'


def test_columns_may_come_in_any_order_and_more_of_them_than_needed() -> None:
    header = "Note,UPN,status,family_name,givenName,display-name,USERNAME\n"
    row = "x,aoki@contoso.com,enabled,青木,花子,青木 花子,aoki\n"

    assert parse((header + row).encode(), "users.csv", MAP) == [source_user()]


def test_the_built_in_administrator_is_left_out() -> None:
    text = HEADER + AOKI + "hdeadmin,,Administrator,Administrator,,enabled,,\r\n"

    assert [user.source_id for user in parse(text.encode(), "users.csv", MAP)] == ["aoki"]


def test_blank_lines_are_nobody() -> None:
    assert len(parse(("\r\n" + HEADER + "\r\n" + AOKI + "\r\n").encode(), "users.csv", MAP)) == 1


@pytest.mark.parametrize("content", ["", "\ufeff", "\r\n\r\n"])
def test_an_empty_file_is_no_source(content: str) -> None:
    assert complaint(content) == "users.csv is empty."


def test_a_file_without_users_is_no_source() -> None:
    assert "no user at all" in complaint(HEADER)


@pytest.mark.parametrize(
    "row", ["baba,,馬場 太郎,馬場\r\n", "baba,,馬場 太郎,馬場,太郎,enabled,,,,\r\n", "  \r\n"]
)
def test_a_row_with_too_few_or_too_many_cells_is_named_with_its_line(row: str) -> None:
    assert "line 3: " in complaint(HEADER + AOKI + row)


def test_a_file_that_was_cut_off_inside_a_quoted_cell_is_refused() -> None:
    assert "line 3" in complaint(HEADER + AOKI + 'baba,,"馬場')


def test_a_username_that_comes_twice_is_named_with_both_lines() -> None:
    said = complaint(HEADER + AOKI + BABA + AOKI)

    assert "users.csv, line 4: the username aoki stands there more than once, first at line 2;" in said


def test_a_row_without_a_username_is_named_with_its_line() -> None:
    said = complaint(HEADER + AOKI + BABA.replace("baba,", ",", 1))

    assert said.startswith("users.csv, line 3: a user without a username;")


def test_the_line_of_an_error_is_counted_in_the_file_and_not_in_rows() -> None:
    two_lines = AOKI.replace("青木 花子", '"青木\n花子"')

    assert "line 4: a user without a username" in complaint(
        HEADER + two_lines + BABA.replace("baba,", ",", 1)
    )


@pytest.mark.parametrize(
    ("column", "named"),
    [
        ("Username", "username"),
        ("Status", "Status"),
        ("Given Name", "Given Name"),
        ("Display Name", "Display Name"),
    ],
)
def test_a_missing_column_is_named(column: str, named: str) -> None:
    said = complaint(HEADER.replace(column, "Something") + AOKI)

    assert f"no column {named};" in said
    assert "ATTRIBUTE_MAP" in said


def test_without_any_column_for_the_upn_the_possible_ones_are_named() -> None:
    said = complaint(HEADER.replace("Email", "A").replace("UserPrincipalName", "B") + AOKI)

    assert "userprincipalname/upn/email" in said


def test_a_mapped_custom_attribute_is_a_column_that_must_be_there() -> None:
    with raises(SourceError, match="no column costcentre"):
        parse((HEADER + AOKI).encode(), "users.csv", AttributeMap.of({"department": "Cost Centre"}))


def test_a_column_that_comes_twice_is_refused() -> None:
    assert "the column email stands there more than once" in complaint(
        HEADER.replace("Immutable ID", "E-mail") + AOKI
    )


def test_bytes_in_no_known_encoding_are_refused() -> None:
    assert "neither UTF-8 nor CP932" in complaint(HEADER.encode() + b"\x81\xff\x81")
