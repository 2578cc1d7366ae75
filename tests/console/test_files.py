"""The page's files themselves."""

import gzip
from typing import get_args

from shared.http.console import ASSETS, FOLDER, PAGE, without_doc_comments
from shared.http.content import content
from shared.model.parts import Language


def test_every_file_of_the_folder_is_on_the_list_and_no_other() -> None:
    files = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    words = {f"words.{language}.js" for language in get_args(Language)}
    assert files == {PAGE, *ASSETS} - words


def test_gzip_is_what_browsers_read() -> None:
    body = b"people," * 1000
    answer = content(body, "text/csv", {"Accept-Encoding": "br;q=1.0, gzip;q=0.8"}, {})
    assert gzip.decompress(answer.get_body()) == body


def test_a_browser_gets_the_code_without_what_explains_it() -> None:
    source = b"/** One.\n * @param {A} a */\nconst f = (a) => a /** b */ + 1; // one\n\t/** @type {C} */\n\tlet c;\n"

    assert without_doc_comments(source) == b"const f = (a) => a /** b */ + 1; // one\n\tlet c;\n"
    scripts = [path.read_bytes() for path in FOLDER.rglob("*.js")]
    assert [script for script in scripts if b"@param" in without_doc_comments(script)] == []
