"""Access Control's exported CSV: everybody, or an error that names the line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import SourceError
from shared.planning.mapping import AttributeMap
from shared.source.csv import parse
from tests.support.errors import english, raises
from tests.support.people import MAP, source_user, values

HEADER = "Username,Email,Display Name,Family Name,Given Name,Status,UserPrincipalName,Immutable ID\r\n"
AOKI = "aoki,,青木 花子,青木,花子,enabled,aoki@contoso.com,\r\n"
AOKI_READ = source_user(values=values(nickname="aoki"))
BABA = "baba,,馬場 太郎,馬場,太郎,disabled,baba@contoso.com,QkFCQQ==\r\n"


def complaint(content: str | bytes) -> str:
    with pytest.raises(SourceError) as raised:
        parse(content if isinstance(content, bytes) else content.encode(), "users.csv", MAP)
    return english(raised.value)


def test_every_row_becomes_a_source_user() -> None:
    users = parse((HEADER + AOKI + BABA).encode(), "users.csv", MAP)

    assert users == [
        AOKI_READ,
        source_user(
            "baba@contoso.com",
            immutable_id="QkFCQQ==",
            values=values("馬場 太郎", "太郎", "馬場", "baba"),
            status=False,
        ),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("delimiter", [",", "\t"])
@pytest.mark.parametrize("newline", ["\r\n", "\n"])
def test_encoding_delimiter_and_line_ends_may_be_any_of_the_usual(
    encoding: str, delimiter: str, newline: str
) -> None:
    text = (HEADER + AOKI).replace(",", delimiter).replace("\r\n", newline)

    assert parse(text.encode(encoding), "users.csv", MAP) == [AOKI_READ]


def test_a_quoted_cell_may_hold_delimiters_quotes_and_line_breaks() -> None:
    row = 'aoki,,"Aoki, ""H""\n花子",青木,花子,enabled,aoki@contoso.com,\r\n'

    (user,) = parse((HEADER + row).encode(), "users.csv", MAP)

    assert user.values[0] == 'Aoki, "H"\n花子'


def test_columns_may_come_in_any_order_and_more_of_them_than_needed() -> None:
    header = "Note,UPN,status,family_name,givenName,display-name,USERNAME\n"
    row = "x,aoki@contoso.com,enabled,青木,花子,青木 花子,aoki\n"

    assert parse((header + row).encode(), "users.csv", MAP) == [AOKI_READ]


def test_the_built_in_administrator_is_left_out() -> None:
    text = HEADER + AOKI + "hdeadmin,,Administrator,Administrator,,enabled,,\r\n"

    assert [user.source_id for user in parse(text.encode(), "users.csv", MAP)] == ["aoki"]


def test_blank_lines_are_nobody() -> None:
    assert len(parse(("\r\n" + HEADER + "\r\n" + AOKI + "\r\n").encode(), "users.csv", MAP)) == 1


@pytest.mark.parametrize(
    ("blank", "delimiter"),
    [*((blank, ",") for blank in ("  \r\n", "\t\r\n", "\u3000\n", "\r\n")), ("  \r\n", "\t"), ("\n", "\t")],
)
def test_lines_of_white_space_are_nobody(blank: str, delimiter: str) -> None:
    text = blank + (HEADER + blank + AOKI + blank + BABA).replace(",", delimiter) + blank * 2

    assert len(parse(text.encode(), "users.csv", MAP)) == 2


@pytest.mark.parametrize("row", [",,,,,,,\r\n", ",,\r\n", " , ,\u3000\r\n", '"",""\r\n'])
@pytest.mark.parametrize("end", ["", "\r\n", " \r\n"])
def test_rows_of_commas_are_nobody_at_the_end_and_may_be_somebody_before_it(row: str, end: str) -> None:
    assert len(parse((HEADER + AOKI + BABA + row * 3 + end + row).encode(), "users.csv", MAP)) == 2

    assert complaint(HEADER + AOKI + row + row + end + BABA).startswith(
        "users.csv, line 3: a row without any value, with users after it;"
    )


def test_columns_without_a_name_and_columns_that_nobody_reads_may_come_more_than_once() -> None:
    header = HEADER.replace("\r\n", ",,Note, ,note,\u3000\r\n")
    rows = AOKI.replace("\r\n", ",a,b,c,d,e\r\n")

    assert parse((header + rows).encode(), "users.csv", MAP) == [AOKI_READ]


@pytest.mark.parametrize(
    "column", ["user name", "UPN", "DisplayName", "given-name", "Family_Name", "status", "E-mail"]
)
def test_of_a_column_that_is_read_there_is_one(column: str) -> None:
    header = HEADER.replace("UserPrincipalName", "Upn").replace("\r\n", f",{column}\r\n")

    assert "stands there more than once" in complaint(header + AOKI.replace("\r\n", ",x\r\n"))


def test_the_column_of_the_username_can_have_another_name() -> None:
    attribute_map = AttributeMap.of({"username": "Login ID"})
    text = HEADER.replace("Username", "login_id") + AOKI

    assert parse(text.encode(), "users.csv", attribute_map) == [AOKI_READ]
    with raises(SourceError, match="no column Login ID;"):
        parse((HEADER + AOKI).encode(), "users.csv", attribute_map)


NAMES = st.text("青木花子馬場太郎神齋藤ァアイカガﾀﾅｶéüñ", min_size=4, max_size=12)


@given(st.lists(NAMES, min_size=1, max_size=5), st.data(), st.sampled_from([b"", b"\xff", b"\x80", b"A"]))
def test_of_a_file_in_utf_8_with_a_broken_byte_nothing_is_guessed(
    names: list[str], data: st.DataObject, broken: bytes
) -> None:
    rows = [AOKI.replace("青木 花子", name).replace("aoki", f"u{at}") for at, name in enumerate(names)]
    content = (HEADER + "".join(rows)).encode()
    multibyte = [at for at, byte in enumerate(content) if byte >= 0xC2]
    at = data.draw(st.sampled_from(multibyte))

    said = complaint(content[:at] + broken + content[at + 1 :])

    assert said.startswith("users.csv, line ") or said == "users.csv is neither UTF-8 nor CP932 (Shift_JIS)."


@pytest.mark.parametrize("name", ["José", "Zoë", "Günter", "山田", "佐藤花子"])
@pytest.mark.parametrize("keep", [0, 1])
def test_a_single_foreign_name_with_a_torn_letter_is_no_mojibake(name: str, keep: int) -> None:
    letters = name.encode()
    at = next(at for at, byte in enumerate(letters) if byte >= 0xC2)
    torn = letters[: at + keep] + letters[at + keep + 1 :]

    assert complaint(
        (HEADER + AOKI)
        .encode()
        .replace("青木 花子".encode(), b"Bob")
        .replace("青木,花子".encode(), torn + b",Bob")
    )


def test_the_line_of_a_broken_byte_is_named() -> None:
    content = (HEADER + AOKI + BABA).encode()
    at = content.rindex("馬".encode())

    said = complaint(content[:at] + b"\xff" + content[at + 1 :])

    assert said.startswith("users.csv, line 3: broken characters in what is UTF-8 otherwise;")
    assert complaint("\ufeff".encode() + "Username,名".encode("cp932")).startswith(
        "users.csv, line 1: broken characters"
    )


@given(
    st.lists(
        st.text("青木花子馬場太郎神齋藤髙﨑ァアイカガﾀﾅｶﾞ", min_size=1, max_size=4), min_size=3, max_size=9
    )
)
def test_names_in_cp932_are_read(names: list[str]) -> None:
    rows = [AOKI.replace("aoki", f"u{at}").replace("青木,", f"{name},") for at, name in enumerate(names)]

    users = parse((HEADER + "".join(rows)).encode("cp932"), "users.csv", MAP)

    assert [user.values[2] for user in users] == names


@pytest.mark.parametrize(
    "content", ["Username,名".encode("utf-16"), HEADER.encode() + b"\xa0", HEADER.encode() + b"\x80"]
)
def test_what_is_in_no_text_of_cp932_is_refused(content: bytes) -> None:
    assert "neither UTF-8 nor CP932" in complaint(content)


@pytest.mark.parametrize(
    "line",
    [
        "x" * 40_000,
        "x," * 20_000,
        "\u0301\u0316" * 20_000,
        '"' + "x\n" * 20_000,
        "\t" * 40_000,
        "x" * 4_000_000,
    ],
)
def test_a_first_line_that_is_far_too_long_is_refused_in_few_words(line: str) -> None:
    said = complaint(line + "\r\n" + AOKI)

    assert said.startswith("users.csv, line ")
    assert len(said) < 2_000


@pytest.mark.parametrize("content", ["", "\ufeff", "\r\n\r\n", " \n,,\n"])
def test_an_empty_file_is_no_source(content: str) -> None:
    assert complaint(content) == "users.csv is empty."


def test_a_file_without_users_is_no_source() -> None:
    assert "no user at all" in complaint(HEADER)


@pytest.mark.parametrize("row", ["baba,,馬場 太郎,馬場\r\n", "baba,,馬場 太郎,馬場,太郎,enabled,,,,\r\n"])
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


def test_a_missing_username_column_is_named() -> None:
    said = complaint(HEADER.replace("Username", "Something") + AOKI)

    assert "no column Username;" in said
    assert "ATTRIBUTE_MAP" in said


@pytest.mark.parametrize("column", ["Status", "Given Name", "Display Name", "Immutable ID"])
def test_any_other_column_may_be_missing(column: str) -> None:
    (user,) = parse((HEADER.replace(column, "Something") + AOKI).encode(), "users.csv", MAP)

    assert user.problem == ()


def test_without_any_column_for_the_upn_the_possible_ones_are_named() -> None:
    said = complaint(HEADER.replace("Email", "A").replace("UserPrincipalName", "B") + AOKI)

    assert "userprincipalname/upn/email/emailaddress" in said


def test_a_column_that_comes_twice_is_refused() -> None:
    assert "the column email stands there more than once" in complaint(
        HEADER.replace("Immutable ID", "E-mail") + AOKI
    )


def test_bytes_in_no_known_encoding_are_refused() -> None:
    assert "neither UTF-8 nor CP932" in complaint(HEADER.encode() + b"\x81\xff\x81")
