"""The documents say nothing that is not so: their links, commands, settings, events and words exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from local.processes import REPOSITORY
from shared.http.principal import Role
from shared.model.changes import Action
from shared.model.results import Result
from shared.model.runs import Counts, Status
from shared.reports.audit_csv import COLUMNS
from shared.settings import Settings
from shared.words import sentences
from tools.docs import BLOCKS, PAGES, filled
from tools.screenshots import FOLDER, LANGUAGES, PICTURES, SCHEMES, words_beside

DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *PAGES.glob("*.md"), *REPOSITORY.glob(".github/**/*.md")])
BY_NAME = [pytest.param(path, id=str(path.relative_to(REPOSITORY))) for path in DOCUMENTS]
# Names in capitals that are no settings of the app: the platform's, the tools', and what a reader fills in.
NOT_OURS = {
    "PYTHON_ENABLE_DEBUG_LOGGING",
    "WEBSITE_AUTH_ENABLED",
    "HYPOTHESIS_PROFILE",
    "DEMO_ONCE",
    "PYTHON",
}


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def prose(text: str) -> str:
    """Without code: neither fenced, nor indented, nor between backticks."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^ {4}.*$", "", text, flags=re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", text)


def headings(path: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    anchors = set()
    for title in re.findall(r"^#+ (.+)$", read(path), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", title.replace("`", "").lower().strip())
        anchors.add(plain.replace(" ", "-"))
    return anchors


def links(path: Path) -> Iterator[tuple[Path, str]]:
    for target in re.findall(r"(?:\]\(|src(?:set)?=\")([^)\s\"]+)", prose(read(path))):
        if not re.match(r"[a-z]+:", target):
            file, _, anchor = unquote(target).partition("#")
            yield (path.parent / file if file else path), anchor


def section(path: Path, title: str) -> str:
    return read(path).partition(f"## {title}\n")[2].partition("\n## ")[0]


def words(cell_of: str) -> set[str]:
    """What stands between backticks in the first column of the tables."""
    first_cells = re.findall(r"^\| (`.*?) \|", cell_of, re.MULTILINE)
    return {word for cell in first_cells for word in re.findall(r"`([\w.:…-]+)`", cell)}


@pytest.mark.parametrize("path", BY_NAME)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    for target, anchor in links(path):
        assert target.exists(), f"{path.name} links to {target.name}"
        if anchor:
            assert anchor in headings(target), f"{path.name} links to #{anchor} of {target.name}"


def test_every_picture_is_shown_on_a_page_and_make_screenshots_makes_it() -> None:
    kept = {path.name for path in FOLDER.iterdir()}
    shown = {target.name for path in DOCUMENTS for target, _ in links(path) if target.parent == FOLDER}
    made = {
        f"{one.name}-{lang}-{scheme}.webp" for one in PICTURES for lang in LANGUAGES for scheme in SCHEMES
    }
    words = {words_beside(one, lang).name for one in PICTURES for lang in LANGUAGES}
    assert shown == made
    assert kept == made | words


@pytest.mark.parametrize("path", BY_NAME)
def test_every_make_target_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read(REPOSITORY / "Makefile"), re.MULTILINE))
    # In code only: "make" is also a word.
    named = re.findall(r"(?:`|^ {4}(?:[A-Z_]+=\S+ )?)make ([a-z-]+)", read(path), re.MULTILINE)
    assert set(named) <= targets


@pytest.mark.parametrize("path", BY_NAME)
def test_every_setting_given_a_value_exists(path: Path) -> None:
    settings = {str(field.alias) for field in Settings.model_fields.values()}
    named = re.findall(r"`([A-Z][A-Z_]+)=", read(path))
    example = {"JSON_PATH"} if path.name == "CONTRIBUTING.md" else set()
    assert set(named) <= settings | NOT_OURS | example


@pytest.mark.parametrize("path", BY_NAME)
def test_every_file_named_in_passing_exists(path: Path) -> None:
    example = {"shared/source/json.py", "tests/pure/test_source_json.py"}
    named = set(re.findall(r"`((?:shared|local|tests|infra|docs)/[\w/-]+\.\w+)`", read(path)))
    assert {name for name in named - example if not (REPOSITORY / name).exists()} == set()


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.name)
def test_what_comes_from_the_code_is_up_to_date(page: Path) -> None:
    assert filled(read(page)) == read(page), "run `make docs`"


def test_everything_that_can_be_made_from_the_code_is_asked_for() -> None:
    pages = "".join(read(page) for page in PAGES.glob("*.md"))
    assert set(re.findall(r"<!-- from the code: ([\w-]+) -->", pages)) == set(BLOCKS)


@pytest.mark.parametrize("page", ["guide.md", "guide.ja.md"])
def test_the_guide_explains_every_status_and_count(page: str) -> None:
    explained = words(read(PAGES / page))
    assert {status.value for status in Status} | set(Counts.model_fields) <= explained


def test_the_audit_log_is_explained_column_by_column_and_value_by_value() -> None:
    explained = words(read(PAGES / "audit-log.md"))
    assert {*COLUMNS, *(action.value for action in Action), *(result.value for result in Result)} <= explained


def test_every_error_code_of_the_program_is_explained_and_no_other() -> None:
    page = PAGES / "audit-log.md"
    ours = section(page, "Error codes").partition("Words of Microsoft Graph")[0]
    explained = words(ours) - {"errorCode"}
    code = "".join(_code())
    assert set(re.findall(_WITH_A_CODE, code)) <= explained
    assert {word for word in explained if f'"{word}"' not in code} == set()


def test_every_event_in_the_log_is_explained_and_no_other() -> None:
    written = {name for code in _code() for name in re.findall(r'event\(\s*"([a-zA-Z.]+)"', code)}
    assert words(section(PAGES / "operations.md", "Where to look")) == written


def test_every_reason_for_which_a_side_can_not_be_read_is_in_the_table_of_failures() -> None:
    phrases = re.findall(r"\*([^*\n]+)\*", section(PAGES / "operations.md", "Failures"))
    # "no column …" is how that message goes on; "answered 401" stands for any status.
    known = [re.sub(r"\d+", "…", phrase.rstrip(" …")) for phrase in phrases]
    assert [reason for reason in _reasons() if not any(phrase in reason for phrase in known)] == []


@pytest.mark.parametrize("page", ["README", "docs/comparison", "docs/guide"])
def test_the_japanese_page_has_the_same_headings_rows_and_pictures(page: str) -> None:
    english, japanese = (read(REPOSITORY / f"{page}{suffix}.md") for suffix in ("", ".ja"))
    assert _outline(english) == _outline(japanese)


def test_every_alert_has_a_section_in_the_runbook() -> None:
    alerts = {path.stem for path in (REPOSITORY / "infra" / "alerts").glob("*.kql")}
    assert set(re.findall(r"^### (\S+)$", section(PAGES / "operations.md", "Alerts"), re.MULTILINE)) == alerts


def test_every_role_is_named_in_the_guide() -> None:
    for page in ("guide.md", "guide.ja.md"):
        assert all(f"`{role.value}`" in read(PAGES / page) for role in Role)


def _code() -> Iterator[str]:
    return (read(path) for path in (REPOSITORY / "shared").rglob("*.py"))


def _outline(text: str) -> list[str]:
    """The level of each heading, with a mark for each row of a table and each picture below it."""
    return re.findall(r"^(#+ |\| |<picture>)", text, re.MULTILINE)


# Said of one person alone; and a sentence that is nothing but what is filled in.
_OF_ONE_REQUEST = ("graph.leftOut", "graph.tookTooLong", "graph.refused", "hennge.answerRefused")


def _reasons() -> Iterator[str]:
    """What is said of a side that can't be read, with … for what is filled in."""
    for code, sentence in sentences("en").items():
        of_a_side = code.partition(".")[0] in ("source", "hennge", "graph", "pages")
        if of_a_side and not code.startswith(_OF_ONE_REQUEST):
            message = re.sub(r"{\w+!?(:[^}]*)?}|\d+", "…", sentence)
            if set(re.findall(r"\w+", message)) - {"item", "line", "page"}:
                yield message


# What puts a word of the program's own into an errorCode: obstacles, an undo's conflicts, writes in doubt.
_WITH_A_CODE = r'(?:Obstacle|Outcome\.failed|self\._conflict)\((?:[^()"]|\([^()]*\))*?"([A-Z]\w+)"'


def test_a_commit_is_held_to_what_make_lint_is() -> None:
    (parts,) = re.findall(r"^lint: (.+?) ##.*\n$", read(REPOSITORY / "Makefile"), re.MULTILINE)
    hooks = re.findall(r"entry: make (.+)", read(REPOSITORY / ".pre-commit-config.yaml"))
    assert hooks == parts.split()
