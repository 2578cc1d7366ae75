"""Access Control's exported CSV.

Encoding and delimiter are not documented, so UTF-8 with or without BOM and CP932, comma and tab are taken;
everything else is strict, and every error names the line.
"""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator

from shared.errors import SourceError, looks_right
from shared.model.people import People
from shared.planning.mapping import EMAIL_FIELDS, SOURCE_ID, UPN_FIELDS, AttributeMap, field_key
from shared.planning.spellings import Spellings
from shared.source import SourceUsers

# Latin letters, kana, kanji and what stands between them.
_READABLE = re.compile("[\xa0-\u024f\u2010-\u203b\u3000-\u30ff\u4e00-\u9fff\uff00-\uff9f]")
# What Python makes of the bytes that no text in CP932 has.
_NOT_IN_CP932 = re.compile("[\x80\uf8f0-\uf8f3]")
_KANA_IN_A_WORD = re.compile("[A-Za-z][\uff61-\uff9f]|[\uff61-\uff9f][A-Za-z]")
_SECOND_LEVEL = 0xE0


def parse(content: bytes, name: str, attribute_map: AttributeMap) -> People:
    """Every user of an exported CSV. Raises SourceError, which names the line, if anything is wrong."""
    users = SourceUsers(name, attribute_map, "line", People())
    for line, record in records(content, name, attribute_map):
        users.add(record, line)
    return users.complete()


def records(
    content: bytes, name: str, attribute_map: AttributeMap | None = None
) -> Iterator[tuple[int, dict[str, str]]]:
    """The records, each with its line. The header has to have what the map, if there is one, needs of it."""
    rows = _filled(_rows(_text(content, name), name), name)
    try:
        header_line, header = next(rows)
    except StopIteration:
        raise SourceError("source.emptyFile", source=name) from None
    if attribute_map is not None:
        _require_columns(header, name, header_line, attribute_map)
    for line, cells in rows:
        if len(cells) != len(header):
            raise SourceError(
                "source.cellCount", source=name, line=line, cells=len(cells), columns=len(header)
            )
        yield line, dict(zip(header, cells, strict=True))


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if content.startswith(codecs.BOM_UTF8) or _is_mostly_utf8(content):
            line = content.count(b"\n", 0, error.start) + 1
            raise SourceError("source.brokenUtf8", source=name, line=line) from error
    try:
        text = content.decode("cp932")
    except UnicodeDecodeError as error:
        raise SourceError("source.encoding", source=name) from error
    if _NOT_IN_CP932.search(text) or _is_by_chance(text):
        raise SourceError("source.encoding", source=name)
    return text


def _is_by_chance(text: str) -> bool:
    """Whether this is what CP932 makes of a few letters in another encoding: no name looks like it.

    Kana of half width beside Latin letters (`é` of `José` after a broken byte), or rare kanji only: those of the second
    level begin with a byte as most kanji do in UTF-8.
    """
    wide = [first for first, *others in map(_in_cp932, set(text)) if others]
    return bool(_KANA_IN_A_WORD.search(text)) or (bool(wide) and min(wide) >= _SECOND_LEVEL)


def _in_cp932(character: str) -> bytes:
    return character.encode("cp932")


def _is_mostly_utf8(content: bytes) -> bool:
    """Whether more of it reads well as UTF-8 than not: of a text in CP932 a part may, but seldom most of it."""
    text = content.decode("utf-8", "replace")
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    readable = len(text) - len(_READABLE.sub("", text))
    return 2 * readable > beyond_ascii


def _rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Each row but lines of white space, with the line on which it ends."""
    first = text.lstrip().partition("\n")[0]
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter="\t" if first.count("\t") > first.count(",") else ",",
        strict=True,
    )
    try:
        for cells in reader:
            if len(cells) > 1 or any(map(str.strip, cells)):
                yield reader.line_num, cells
    except csv.Error as error:
        raise SourceError("source.notCsv", source=name, line=reader.line_num, error=str(error)) from error


def _filled(rows: Iterator[tuple[int, list[str]]], name: str) -> Iterator[tuple[int, list[str]]]:
    """The rows up to those at the end that have nothing but separators, as spreadsheets leave them.

    Raises SourceError for such a row before others: it may be a user whose cells were cleared.
    """
    empty = 0
    for line, cells in rows:
        if not any(map(str.strip, cells)):
            empty = empty or line
        elif empty:
            raise SourceError("source.emptyRow", source=name, line=empty)
        else:
            yield line, cells


def _require_columns(header: list[str], name: str, line: int, attribute_map: AttributeMap) -> None:
    """Checks the header by itself, so that the error names the missing columns as the export spells them.

    It also names the columns that there are. Raises SourceError.
    """
    keys = Counter(map(field_key, header))
    if twice := sorted(key for key in attribute_map.read_fields if keys[key] > 1):
        raise SourceError("source.columnTwice", source=name, line=line, column=twice[0])
    username = attribute_map.own.get(SOURCE_ID, "Username")
    needed = dict.fromkeys((username, *attribute_map.scope.source_fields))
    missing = [field for field in needed if field_key(field) not in keys]
    usual = attribute_map.upn_fields == UPN_FIELDS
    named_by = (*UPN_FIELDS, *EMAIL_FIELDS) if usual else attribute_map.upn_fields
    if not any(field in keys for field in named_by):
        missing.append("/".join(named_by))
    if missing:
        raise SourceError(
            "source.columnsMissing",
            source=name,
            line=line,
            missing=tuple(missing),
            columns=tuple(header),
            because=looks_right(_fitting(header, attribute_map)),
        )


def _fitting(header: list[str], attribute_map: AttributeMap) -> str:
    """Which columns fit by their names alone."""
    fields = Spellings()
    fields.add(dict.fromkeys(header, "?"))
    return fields.fitting(attribute_map)
