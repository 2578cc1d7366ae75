"""Access Control's exported CSV.

Encoding and delimiter are not documented, so UTF-8 with or without BOM and CP932, comma and tab are taken;
everything else is strict, and every error names the line.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator

from shared.errors import SourceError
from shared.model.people import SourceUser
from shared.planning.mapping import DEFAULT_MAP, SOURCE_ID_FIELDS, AttributeMap, field_key
from shared.source import SourceUsers


def parse(content: bytes, name: str, attribute_map: AttributeMap) -> list[SourceUser]:
    """Every user of an exported CSV. Raises SourceError, which names the line, if anything is wrong."""
    rows = _rows(_text(content, name), name)
    try:
        header_line, header = next(rows)
    except StopIteration:
        raise SourceError("source.emptyFile", source=name) from None
    _require_columns(header, name, header_line, attribute_map)

    users = SourceUsers(name, attribute_map, "line")
    for line, cells in rows:
        if len(cells) != len(header):
            raise SourceError(
                "source.cellCount", source=name, line=line, cells=len(cells), columns=len(header)
            )
        users.add(dict(zip(header, cells, strict=True)), line)
    return users.complete()


def _text(content: bytes, name: str) -> str:
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise SourceError("source.encoding", source=name)


def _rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, with the line on which it ends."""
    first = text.partition("\n")[0]
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter="\t" if first.count("\t") > first.count(",") else ",",
        strict=True,
    )
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise SourceError("source.notCsv", source=name, line=reader.line_num, error=str(error)) from error


def _require_columns(header: list[str], name: str, line: int, attribute_map: AttributeMap) -> None:
    """Checks the header by itself, so that the error names the missing columns as the export spells them.

    It also names the columns that there are. Raises SourceError.
    """
    keys = [field_key(column) for column in header]
    if twice := sorted(key for key, count in Counter(keys).items() if count > 1):
        raise SourceError("source.columnTwice", source=name, line=line, column=twice[0])
    spelled = {field_key(column): column for column in DEFAULT_MAP.values() if column}
    needed = [
        (field, spelled.get(field, field)) for field in (*SOURCE_ID_FIELDS, *attribute_map.required_fields)
    ]
    missing = [shown for field, shown in needed if field not in keys]
    if not any(field in keys for field in attribute_map.upn_fields):
        missing.append("/".join(attribute_map.upn_fields))
    if missing:
        raise SourceError(
            "source.columnsMissing", source=name, line=line, missing=tuple(missing), columns=tuple(header)
        )
