"""The page's files themselves."""

import gzip

from shared.http.console import ASSETS, FOLDER, PAGE
from shared.http.content import content


def test_every_file_of_the_folder_is_on_the_list_and_no_other() -> None:
    files = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert files == {PAGE, *ASSETS}


def test_gzip_is_what_browsers_read() -> None:
    body = b"people," * 1000
    answer = content(body, "text/csv", {"Accept-Encoding": "br;q=1.0, gzip;q=0.8"}, {})
    assert gzip.decompress(answer.get_body()) == body
