"""A cell of the audit log as its documentation has it, told character by character."""

FORMULA_STARTS = tuple("=+-@＝＋－＠")
WHERE_CELLS_BEGIN = ";\t\n\v\f\r\u2028\u2029"


def guarded(text: str) -> str:
    """The text with an apostrophe before what looks like a formula: at its start, and where a cell could begin."""
    shown = "'" if text.startswith((*FORMULA_STARTS, "\t", "\r")) else ""
    for at, character in enumerate(text, 1):
        shown += character
        if character in WHERE_CELLS_BEGIN and text[at:].lstrip(' "').startswith(FORMULA_STARTS):
            shown += "'"
    return shown
