"""Whoever reads another language reads nothing else: every mail, every sentence of the code, every date."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from jinja2 import Environment, meta, nodes

from activities.calendars import resolve
from activities.notices import Letters, Reader, next_sentence
from domain.money import Money
from domain.notices import Channel
from domain.policy import Policy
from domain.policy.file import load
from domain.process import STEPS
from domain.purse import DisputeReason
from domain.state import PARTIES, Role
from domain.words import LANGUAGES, german, german_codes, in_language
from domain.words.german import GERMAN, told_time
from domain.words.german_codes import RETURNED
from domain.words.tongue import Words
from tests.activities.told_orders import LETTERS
from tests.domain.telling import LIVES, Said, Telling

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
OTHERS = sorted(folder.name for folder in TEMPLATES.iterdir() if folder.name != "en")
JINJA = Environment(autoescape=False)  # noqa: S701  # Only parses.
ENGLISH_WORDS = re.compile(
    r"\b(the|you|your|we|our|it|this|that|these|is|are|were|been|has|have|to|of|or|and|for|from|by|with|before|when|what"
    r"|please|order|seller|buyer|shipping|(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d|[+-]\d\d:\d\d)\b"
)
"""What no other language says, and an English sentence, list or date can hardly do without."""
PLACES = re.compile(r"\{\w+\}")
RULINGS = {"claim_asked.refund_approved", "claim_asked.rejected"}
"""What only English has, for the command line: mails about a ruling tell of the appeal in the words of `appeal`."""


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.txt")}


def english(name: str) -> str:
    return (TEMPLATES / "en" / name).read_text()


def variables(text: str) -> set[str]:
    """What a template asks for: `order.policy.name`, `facts.amount`, whichever way it asks."""
    tree = JINJA.parse(text)
    outer = meta.find_undeclared_variables(tree)
    paths = {
        path for node in tree.find_all((nodes.Name, nodes.Getattr)) if (path := _path(node)).split(".")[0] in outer
    }
    for call in tree.find_all(nodes.Call):
        if _path(call.node) == "facts.get" and isinstance(call.args[0], nodes.Const):
            paths.add(f"facts.{call.args[0].value}")
    for asked in tree.find_all(nodes.Compare):
        if isinstance(asked.expr, nodes.Const) and [_path(each.expr) for each in asked.ops] == ["facts"]:
            paths.add(f"facts.{asked.expr.value}")
    return paths


def _path(node: nodes.Node) -> str:
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            return f"{_path(node.node)}.{node.attr}"
        case _:
            return ""


def sentences(text: str) -> Iterator[str]:
    """What a template says itself, a line at a time, without the bits between two variables."""
    for said in JINJA.parse(text).find_all(nodes.TemplateData):
        yield from (line.strip() for line in said.data.split("\n") if re.search(r"\w{2} \w{2}", line))


def mails() -> list[tuple[str, Said]]:
    """Every mail of all lives, with the life's name."""
    lives = {name: live() for name, live in LIVES.items()}
    return [(name, s) for name, life in lives.items() for s in life.said if s.notice.channel is Channel.MAIL]


def own_words(text: str) -> str:
    """A mail without what is not ours to translate: the titles of items, what a person wrote, a command to type."""
    return "\n".join(line for line in text.splitlines() if not re.match(r"- \d+ x |> |  aftersale ", line))


def told_by(words: Words) -> dict[str, str]:
    """All that a language says, of whatever table of `Words`, by table and key."""
    return {name: text for table in fields(words) for name, text in _flat(table.name, getattr(words, table.name))}


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _flat(f"{name}.{key}", each)


def test_there_are_words_for_each_language_that_has_templates() -> None:
    assert {"en", *OTHERS} == LANGUAGES.keys()
    assert "de" in OTHERS


@pytest.mark.parametrize("language", OTHERS)
def test_every_template_is_there_in_each_language(language: str) -> None:
    assert names(TEMPLATES / language) == names(TEMPLATES / "en")


@pytest.mark.parametrize("language", OTHERS)
def test_each_language_tells_the_same_of_every_notice(language: str) -> None:
    for name in names(TEMPLATES / language):
        assert variables((TEMPLATES / language / name).read_text()) == variables(english(name)), name


def test_what_a_template_asks_for_is_found_whichever_way_it_asks() -> None:
    text = "{% set n = {} %}{{ n.x }}{{ order.policy.name }}{% if 'a' in facts %}{{ facts.get('b') }}{% endif %}"
    assert variables(text) >= {"order.policy.name", "facts.a", "facts.b"}
    assert not {"n", "n.x"} & variables(text)


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_of_the_process_is_there_in_each_language(language: str) -> None:
    words, first = told_by(LANGUAGES[language]), told_by(LANGUAGES["en"])
    assert first.keys() - words.keys() == RULINGS
    assert words.keys() <= first.keys()
    for name, sentence in words.items():
        assert sentence != first[name], name
        assert sorted(PLACES.findall(sentence)) == sorted(PLACES.findall(first[name])), name
        assert ENGLISH_WORDS.search(sentence) is None, (name, sentence)


def test_no_entry_of_a_german_table_is_english_or_the_code_that_it_tells() -> None:
    modules = (german, german_codes)
    tables = {name: each for module in modules for name, each in vars(module).items() if re.fullmatch("[A-Z_]+", name)}
    said = [(name, *entry) for name, table in tables.items() for entry in _flat("", table)]
    assert {"COMMANDS", "EXPECTED", "REFUSED", "RETURNED", "DISPUTED"} <= {name for name, _, _ in said}
    for name, key, sentence in said:
        assert ENGLISH_WORDS.search(sentence) is None, (name, key, sentence)
        assert sentence.casefold() != key.removeprefix(".").replace("_", " ").casefold(), (name, key)


@pytest.mark.parametrize("language", OTHERS)
def test_what_a_party_may_ask_for_and_why_not_is_there_in_each_language(language: str) -> None:
    words = LANGUAGES[language]
    rows = [step for step in STEPS if step.by & PARTIES]
    commands = [step.name for step in rows if words.command(step.name) == step.name]
    assert not commands, "how the language names a command"
    guards = {guard.__name__ for step in rows for guard in step.guards}
    unknown = words.reason("no_such_code", "")
    assert unknown
    assert not [name for name in guards if words.reason(name, "") == unknown], "why a guard refuses"


@pytest.mark.parametrize("language", OTHERS)
def test_what_a_bank_is_told_is_there_in_each_language(language: str) -> None:
    words, first = LANGUAGES[language], LANGUAGES["en"]
    told = [words.dispute(reason) for reason in DisputeReason]
    assert len(set(told)) == len(DisputeReason)
    assert not set(told) & {first.dispute(reason) for reason in DisputeReason}


@pytest.mark.parametrize("language", OTHERS)
def test_what_our_policies_promise_is_told_in_each_language_and_other_words_as_written(language: str) -> None:
    words = LANGUAGES[language]
    ours = [Policy(), *(load(path.read_text(), path.name) for path in (ROOT / "policies").glob("*.toml"))]
    promises = {text for policy in ours for text in asdict(policy.expect).values()}
    assert len(promises) > 4
    assert not [text for text in promises if words.expectation(text) == text]
    assert words.expectation("Morgen früh") == "Morgen früh"


@pytest.mark.parametrize("language", OTHERS)
def test_no_mail_of_any_life_has_a_word_of_english_for_a_reader_of_another_language(language: str) -> None:
    first = LANGUAGES["en"]
    texts = {line for name in names(TEMPLATES / "en") for line in sentences(english(name))}
    texts |= {*first.happened.values(), *first.otherwise.values(), *asdict(Policy().expect).values()}
    rendered = set()
    for life, s in mails():
        template, role = s.notice.template, s.notice.to
        letter = LETTERS.render(template, s.notice.context, Reader(role, "Ada", language), s.order, "J1")
        whole = own_words(f"{letter.subject}\n{letter.text}")
        assert not [text for text in texts if text in whole], (life, template, role)
        found = ENGLISH_WORDS.search(whole)
        assert found is None, (life, template, role, found, whole)
        rendered.add(f"{template}.{role}.txt")
    assert rendered == {name for name in names(TEMPLATES / "en") if not name.startswith("_")}


def test_english_is_recognised_in_every_english_mail() -> None:
    for life, s in mails():
        letter = LETTERS.render(s.notice.template, s.notice.context, Reader(s.notice.to, "Ada"), s.order, "J1")
        assert ENGLISH_WORDS.search(own_words(letter.subject + letter.text)), (life, s.notice.template)


def test_a_german_reader_is_told_what_to_do_and_what_the_other_one() -> None:
    berlin = resolve("DE", "", "Europe/Berlin", date(2026, 11, 1), date(2027, 6, 1))
    order = replace(Telling().order, seller_calendar=berlin)
    assert next_sentence(order, Role.SELLER, GERMAN) == (
        "Bitte bestätigen Sie die Bestellung bis Mittwoch, 25. November 2026, 10:00 Uhr (UTC+1) oder lehnen Sie sie ab."
        " Sonst kümmert sich unser Kundenservice darum."
    )
    assert next_sentence(order, Role.BUYER, GERMAN).startswith(
        "Der Verkäufer hat bis Mittwoch, 25. November 2026, 09:00 Uhr (UTC) Zeit, die Bestellung zu bestätigen"
    )


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("Europe/Berlin", "Mittwoch, 2. Dezember 2026, 16:00 Uhr (UTC+1)"),
        ("Asia/Kolkata", "Mittwoch, 2. Dezember 2026, 20:30 Uhr (UTC+5:30)"),
        ("America/St_Johns", "Mittwoch, 2. Dezember 2026, 11:30 Uhr (UTC-3:30)"),
        ("Europe/London", "Mittwoch, 2. Dezember 2026, 15:00 Uhr (UTC)"),
    ],
)
def test_a_german_date(zone: str, told: str) -> None:
    calendar = resolve("DE", "", zone, date(2026, 11, 1), date(2027, 6, 1))
    assert told_time(calendar, datetime(2026, 12, 2, 15, tzinfo=UTC)) == told


def test_a_time_beyond_the_calendar_is_told_in_utc() -> None:
    calendar = resolve("DE", "", "Europe/Berlin", date(2026, 11, 1), date(2027, 6, 1))
    assert told_time(calendar, datetime(2030, 7, 1, 12, tzinfo=UTC)) == "Montag, 1. Juli 2030, 12:00 Uhr (UTC)"


def test_a_german_seller_is_told_why_a_payout_came_back_where_it_is_known() -> None:
    life = LIVES["payout returned"]()
    facts = dict(life.notice("payout_failed", Role.SELLER).context)
    for reason, told in (
        ("account closed", f" (Grund: {RETURNED['account_closed']})."),
        ("some new code", "kam zurück."),
    ):
        letter = LETTERS.render("payout_failed", facts | {"reason": reason}, Reader(Role.SELLER, "", "de"), life.order)
        assert told in letter.text


def test_a_refusal_that_was_queued_without_its_code_is_told_without_a_reason() -> None:
    life = LIVES["refused signals"]()
    facts = dict(life.notice("message_refused", Role.BUYER).context)
    assert "nicht möglich: dafür kommt" in _refused(facts, life)
    del facts["code"]
    assert "Das war nicht möglich.\n" in _refused(facts, life)


def _refused(facts: dict[str, str | int | list[str]], life: Telling) -> str:
    return LETTERS.render("message_refused", facts, Reader(Role.BUYER, "Ada", "de"), life.order).text


def test_a_mail_whose_text_is_missing_is_english_from_greeting_to_end(tmp_path: Path) -> None:
    (tmp_path / "en").symlink_to(TEMPLATES / "en")
    (tmp_path / "de").mkdir()
    for name in ("_frame.txt", "paid.buyer.txt"):
        (tmp_path / "de" / name).write_text((TEMPLATES / "de" / name).read_text())
    letters, life = Letters(tmp_path), Telling()
    for role in PARTIES:
        facts = life.notice("paid", role).context
        wanted = LETTERS.render("paid", facts, Reader(role, "Ada", "de" if role is Role.BUYER else "en"), life.order)
        assert letters.render("paid", facts, Reader(role, "Ada", "de-AT"), life.order) == wanted


def test_a_language_without_words_speaks_english() -> None:
    assert in_language("xx") is in_language("en")


AMOUNTS = {
    "64.90 EUR": "64,90 EUR",
    "0.05 EUR": "0,05 EUR",
    "-0.50 EUR": "-0,50 EUR",
    "1234.50 EUR": "1.234,50 EUR",
    "1234567 JPY": "1.234.567 JPY",
    "999 JPY": "999 JPY",
    "12345.678 BHD": "12.345,678 BHD",
}


@pytest.mark.parametrize(("amount", "german"), AMOUNTS.items())
def test_an_amount_is_written_as_the_reader_writes_amounts(amount: str, german: str) -> None:
    life = LIVES["payout returned"]()
    facts = dict(life.notice("payout_failed", Role.SELLER).context) | {"amount": amount}
    for language, told in (("en", amount), ("de", german)):
        letter = LETTERS.render("payout_failed", facts, Reader(Role.SELLER, "Ada", language), life.order)
        assert f" {told}" in letter.subject
        assert f" {told} " in letter.text


def test_a_german_mail_has_every_amount_of_the_english_one_in_the_german_way() -> None:
    compared = 0
    for life, s in mails():
        template, about = s.notice.template, (s.notice.context, s.order, "J1")
        of = {}
        for language in ("en", "de"):
            letter = LETTERS.render(template, about[0], Reader(s.notice.to, "Ada", language), *about[1:])
            of[language] = set(re.findall(r"\d[\d.,]* EUR", letter.subject + "\n" + letter.text))
        assert of["de"] == {GERMAN.amount(Money.parse(amount)) for amount in of["en"]}, (life, template)
        compared += len(of["en"])
    assert compared > 100


def test_no_template_tells_money_but_as_its_language_writes_amounts() -> None:
    facts = {f"facts.{name}" for _, s in mails() for name, value in s.notice.context.items() if _is_money(value)}
    assert {"facts.amount", "facts.offer", "facts.owed"} <= facts
    money = re.compile("|".join({*facts, "order.(wanted|priced|shipping)", "parcel.insured", "loss.pays"}))
    for path in TEMPLATES.rglob("*.txt"):
        for told in re.findall(r"\{\{ *(.*?) *\}\}", path.read_text()):
            assert not money.search(told) or told.startswith("amount("), (path, told)


def _is_money(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[\d.]+ [A-Z]{3}", value) is not None
