"""English and Japanese say the same things, all of which are used."""

import re
from pathlib import Path

import pytest

from shared.http.console import FOLDER
from shared.model.changes import Rule
from shared.model.questions import Kind

_GROUP = re.compile(r"^\t(\w+): \{$")
_ENTRY = re.compile(r'^\t\t(?:"([^"]+)"|(\w+)): (.+),$')
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def texts(language: str) -> dict[str, str]:
    found, group = {}, ""
    for line in (FOLDER / f"texts.{language}.js").read_text(encoding="utf-8").splitlines():
        if opening := _GROUP.match(line):
            group = opening[1]
        elif entry := _ENTRY.match(line):
            found[f"{group}.{entry[1] or entry[2]}"] = entry[3]
    return found


ENGLISH, JAPANESE = texts("en"), texts("ja")


def test_both_languages_have_the_same_texts() -> None:
    assert len(ENGLISH) > 200
    assert list(ENGLISH) == list(JAPANESE)


@pytest.mark.parametrize("name", ENGLISH)
def test_both_languages_fill_in_the_same_values(name: str) -> None:
    english, japanese = (set(_PLACEHOLDER.findall(text[name])) for text in (ENGLISH, JAPANESE))
    assert english == japanese


def test_every_text_that_is_asked_for_by_its_whole_name_exists() -> None:
    assert {name for script in scripts() for name in re.findall(r'\bt\("([\w.]+)"', script)} <= set(ENGLISH)


def test_every_text_is_used() -> None:
    everything = "\n".join(scripts())
    patterns = [
        re.sub(r"\$\{[^}]*\}", "@", template) for template in re.findall(r"`([\w.]*\$\{[^`]*)`", everything)
    ]
    started = [re.escape(p).replace("@", r"[\w.]+") for p in patterns if "." in p]
    unused = [
        name
        for name in ENGLISH
        if f'"{name}"' not in everything and not any(re.fullmatch(pattern, name) for pattern in started)
    ]
    assert unused == []


def test_every_kind_of_question_and_every_rule_has_a_text() -> None:
    assert of_group("whoIsWho.together") == set(Kind)
    assert of_group("rule") == set(Rule)


def of_group(group: str) -> set[str]:
    return {name.removeprefix(f"{group}.") for name in ENGLISH if name.startswith(f"{group}.")}


def scripts() -> list[str]:
    files: list[Path] = [path for path in FOLDER.rglob("*.js") if not path.name.startswith("texts.")]
    return [path.read_text(encoding="utf-8") for path in files]
