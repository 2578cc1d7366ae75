"""The page's files themselves."""

import gzip
import re
from typing import get_args

from shared.http.console import ASSETS, FOLDER, LANGUAGES, PAGE, SCRIPT, modules
from shared.http.content import content
from shared.http.script import bare, joined
from shared.model.parts import Language


def test_every_file_of_the_folder_is_served_and_no_other() -> None:
    files = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    texts = {f"texts.{language}.js" for language in get_args(Language)}
    assert files == {PAGE, "style.css", *modules(), *texts, *ASSETS} - {SCRIPT, *LANGUAGES}


def test_gzip_is_what_browsers_read() -> None:
    body = b"people," * 1000
    answer = content(body, "text/csv", {"Accept-Encoding": "br;q=1.0, gzip;q=0.8"}, {})
    assert gzip.decompress(answer.get_body()) == body


def test_a_browser_gets_the_code_without_what_explains_it() -> None:
    source = "/** One.\n * @param {A} a */\nconst f = (a) => a /** b */ + 1; // one\n\t// Two.\n\tlet c;\n"

    assert bare(source) == "const f = (a) => a /** b */ + 1; // one\nlet c;\n"
    script = joined(modules())
    assert not re.search(r"@param|^import|^export|^\s*//", script, re.MULTILINE)


def test_modules_are_joined_in_the_order_in_which_they_need_each_other() -> None:
    script = joined(
        {
            "app.js": 'import view from "./views/one.js";\nimport { a as b } from "./a.js";\nview(b);\n',
            "views/one.js": 'import { a } from "../a.js";\nexport default (b) => a + b;\n',
            "a.js": "export const a = 1;\nexport async function wait() {}\n",
        }
    )

    assert script == (
        "const $ = {};\n"
        '$["a.js"] = await (async () => {\n'
        "const a = 1;\nasync function wait() {}\nreturn { a, wait };\n})();\n"
        '$["views/one.js"] = await (async () => {\n'
        'const { a } = $["a.js"];\nconst $default = (b) => a + b;\nreturn { default: $default };\n})();\n'
        '$["app.js"] = await (async () => {\n'
        'const { default: view } = $["views/one.js"];\nconst { a: b } = $["a.js"];\nview(b);\nreturn {  };\n})();\n'
    )
