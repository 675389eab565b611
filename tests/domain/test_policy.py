from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from datetime import date, timedelta
from itertools import product
from pathlib import Path

import pytest

from activities.policies import policy_names, read_policies, read_policy
from domain.business_time import Calendar, add_business_days
from domain.errors import Invalid
from domain.money import Money
from domain.policy import Policy, SecondOperator, head, sections
from domain.policy.file import PolicyError, load, worst_case_days
from domain.policy.page import describe
from domain.policy.units import kind_of
from tests.domain.test_business_time import FIRST, calendar_of

POLICIES = Path(__file__).parents[2] / "policies"


def test_a_policy_with_nothing_but_a_name_is_valid_and_has_the_defaults() -> None:
    policy = load('name = "plain"\n', "plain.toml")
    assert policy == Policy(name="plain", display_name="plain")
    assert (policy.confirm.remind, policy.confirm.ticket, policy.confirm.end) == (1, 2, 4)
    assert policy.hold.margin == timedelta(hours=24)


def test_every_number_has_a_unit_a_default_and_a_reason() -> None:
    numbers = [*head(), *(number for kind in sections().values() for number in fields(kind))]
    assert len(numbers) > 50
    for number in numbers:
        assert kind_of(number).unit, number.name
        assert kind_of(number).show(number.default), number.name
        assert number.metadata["reason"].endswith("."), number.name
        assert len(number.metadata["reason"]) > 15, number.name


def test_every_default_can_be_written_in_a_file_as_it_is_shown() -> None:
    default = Policy(name="all", display_name="All")
    lines = [f"{number.name} = {kind_of(number).show(getattr(default, number.name))}" for number in head()]
    for name, kind in sections().items():
        lines.append(f"[{name}]")
        for number in fields(kind):
            shown = kind_of(number).show(getattr(getattr(default, name), number.name))
            bare = shown[0] in '"[{' or "basis points" in kind_of(number).unit
            lines.append(f"{number.name} = {shown if bare else json.dumps(shown)}")
    assert load("\n".join(lines), "all.toml") == default


def test_the_page_has_a_row_for_every_number() -> None:
    page = describe()
    for name, kind in sections().items():
        for number in fields(kind):
            assert re.search(rf"^\| `\[{name}\]` \| `{number.name}` \| .+ \| `.+` \| .+\. \|$", page, re.MULTILINE)


def test_the_policies_of_the_house_are_valid() -> None:
    policies = read_policies(POLICIES)
    assert policies["standard"].hold.way_out == "reauthorise"
    assert policies["standard"].calendar.extra_days_off[0] == date(2026, 12, 24)
    assert policies["collectors"].capture.trigger == "confirmation"
    assert policies["collectors"].calendar.zone == "Africa/Johannesburg"
    assert not policies["collectors"].receipt.releases_on_weak_proof(Money(1, "ZAR"))


@pytest.mark.parametrize("name", policy_names(POLICIES))
def test_a_pinned_policy_comes_back_as_it_was(name: str) -> None:
    policy = read_policy(POLICIES, name)
    text = json.dumps(policy.to_plain(), separators=(",", ":"))
    assert Policy.from_plain(json.loads(text)) == policy
    assert len(text) < 2250


def test_a_pinned_policy_says_every_number_so_that_a_new_default_moves_nothing() -> None:
    plain = Policy(name="x").to_plain()
    for name, kind in sections().items():
        assert plain[name].keys() == {number.name for number in fields(kind)}


def test_a_policy_pinned_by_an_older_or_newer_release_is_read() -> None:
    plain = Policy(name="x").to_plain()
    del plain["outage"], plain["ship"]["more_time"]
    plain["novelty"] = {"most": 1}
    plain["ship"]["novelty"] = 1
    assert Policy.from_plain(plain) == Policy(name="x")


@pytest.mark.parametrize("plain", [{}, {"name": "x", "version": "1"}, {**Policy(name="x").to_plain(), "ship": 3}])
def test_what_is_not_a_pinned_policy_is_refused(plain: dict[str, object]) -> None:
    with pytest.raises(Invalid, match="not a pinned policy"):
        Policy.from_plain(plain)


REFUSED = {
    "an unknown section": ("[shp]", 3, "shp", "did you mean ship"),
    "an unknown key": ('[ship]\nends = "5 business days"', 4, "ship.ends", "did you mean ship.end"),
    "a section that is none": ('ship = "5 business days"', 3, "ship", r"write \[ship\]"),
    "a number without unit": ("[ship]\n# why\nend = 5", 5, "ship.end", "2 business days"),
    "a wrong unit": ('[ship]\nend = "5 days"', 4, "ship.end", "business days"),
    "hours for minutes": ('[outage]\ngrace = "1 hour"', 4, "outage.grace", "minutes"),
    "a negative duration": ('[payment]\nremind = "-3 days"', 4, "payment.remind", "less than 1 day"),
    "a clock of no length": (
        '[tickets]\nescalate = "0 business days"',
        4,
        "tickets.escalate",
        "less than 1 business day",
    ),
    "reminder after ticket": (
        '[confirm]\nremind = "2 business days"',
        4,
        "confirm.remind",
        "earlier than confirm.ticket",
    ),
    "ticket after the end": ('[ship]\nticket = "6 business days"', 4, "ship.ticket", "not be later than ship.end"),
    "confirmation after shipment": (
        '[confirm]\nend = "6 business days"',
        4,
        "confirm.end",
        "not be later than ship.end",
    ),
    "expiry before the reminder": ('[payment]\nexpire = "2 days"', 4, "payment.expire", "earlier than payment.expire"),
    "a hold that is too short": ('[ship]\nend = "8 business days"', 4, "ship.end", "does not fit the hold"),
    "a shorter hold": ('[hold]\nexpected = "4 days"', 4, "hold.expected", "does not fit the hold"),
    "no time to confirm in the hold": (
        '[hold]\nway_out = "capture_at_confirmation"\nexpected = "6 days"',
        5,
        "hold.expected",
        "does not fit the hold",
    ),
    "a margin that is the whole hold": (
        '[hold]\nmargin = "168 hours"\nway_out = "reauthorise"',
        4,
        "hold.margin",
        "must be shorter than hold.expected",
    ),
    "an unknown way out": ('[hold]\nway_out = "hope"', 4, "hold.way_out", "'reauthorise'"),
    "an unknown trigger": ('[capture]\ntrigger = "delivery"', 4, "capture.trigger", "'shipment', 'confirmation'"),
    "fees above all": ("[fees]\ncommission_basis_points = 10001", 4, "fees.commission_basis_points", "100 %"),
    "fees above all together": ("[fees]\npayment_basis_points = 9999", 4, "fees.payment_basis_points", "exceed 100 %"),
    "a fee that is true": ("[fees]\npayment_basis_points = true", 4, "fees.payment_basis_points", "whole number"),
    "an unknown currency": ('[receipt]\nweak_limit = { EUX = "1.00" }', 4, "receipt.weak_limit.EUX", "ISO 4217"),
    "a wrong precision": (
        '[receipt.weak_limit]\nEUR = "150.00"\nJPY = "1.00"',
        5,
        "receipt.weak_limit.JPY",
        "0 decimal",
    ),
    "an amount that is a number": ("[receipt]\nweak_limit = { EUR = 150.0 }", 4, "receipt.weak_limit.EUR", "quotes"),
    "a negative amount": ('[fees]\npayment_fixed = { EUR = "-0.35" }', 4, "fees.payment_fixed.EUR", "negative"),
    "an amount without currency": ('[receipt]\nweak_limit = "150.00"', 4, "receipt.weak_limit", "table"),
    "a carrier without its service levels": (
        '[lost_parcel.included]\nHermes = {}\nDHL = "500.00 EUR"',
        5,
        "lost_parcel.included.DHL",
        "not a table of carriers and their service levels",
    ),
    "a carrier's cover without a currency": (
        '[lost_parcel.included.DHL]\n"*" = { EUR = "500.00" }\nPaket = "500.00"',
        5,
        "lost_parcel.included.DHL.Paket",
        "not a table of amounts",
    ),
    "a carrier's cover in a wrong precision": (
        '[lost_parcel.included.DHL]\n"*" = { EUR = "500.00" }\nPaket = { EUR = "500" }',
        5,
        "lost_parcel.included.DHL.Paket.EUR",
        "2 decimal",
    ),
    "an insurance that costs": (
        '[lost_parcel]\ninsurable = { DHL = { "*" = { EUR = "-1.00" } } }',
        4,
        "lost_parcel.insurable.DHL.*.EUR",
        "negative",
    ),
    "one carrier twice": (
        '[lost_parcel.included]\n"DHL Paket" = {}\ndhlpaket = {}',
        5,
        "lost_parcel.included.dhlpaket",
        "'dhlpaket' is the same name as 'DHL Paket'",
    ),
    "a carrier without a name": ('[lost_parcel.included]\n" " = {}', 4, "lost_parcel.included. ", "is no name"),
    "terms that are none": ("[lost_parcel]\nincluded = 3", 4, "lost_parcel.included", "service levels"),
    "a zone that is none": ('[calendar]\nzone = "Berlin, Germany"', 4, "calendar.zone", "'Europe/Berlin'"),
    "a zone that is a path": ('[calendar]\nzone = "../Berlin"', 4, "calendar.zone", "'Europe/Berlin'"),
    "a country in words": ('[calendar]\ncountry = "Germany"', 4, "calendar.country", "'DE'"),
    "a day in quotes": (
        '[calendar]\nextra_days_off = [\n  2026-12-24,\n  "2026-12-31",\n]',
        4,
        "calendar.extra_days_off",
        "without quotes",
    ),
    "a day that is both": (
        "[calendar]\nextra_days_off = [2026-12-24]\nremoved_days_off = [2026-12-24]",
        5,
        "calendar.removed_days_off",
        "also in extra_days_off",
    ),
    "a calendar without an end": ('[calendar]\nhorizon = "999999 days"', 4, "calendar.horizon", "at most 3650 days"),
    "a line behind another kind of line": ('# a\u2028b\x85c\n[ship]\nend = "5"', 5, "ship.end", "no unit|not a number"),
    "a name that nobody sees": ('display_name = " "', 3, "display_name", "on one line"),
    "a name that runs backwards": ('display_name = "a\u202eb"', 3, "display_name", "on one line"),
    "a calendar that is too short": ('[calendar]\nhorizon = "90 days"', 4, "calendar.horizon", "too short"),
    "windows beyond the calendar": (
        '[aftersale]\nwindow = "3000 days"',
        4,
        "aftersale.window",
        "^bad.toml:4: aftersale.window: calendar.horizon = 400 days is too short for the windows",
    ),
    "a payment beyond the calendar": (
        '[payment]\nexpire = "3000 days"',
        4,
        "payment.expire",
        "calendar.horizon = 400 days is too short",
    ),
    "a calendar that always runs short": (
        '[calendar]\nhorizon = "80 days"\n[escrow]\nlongest = "30 days"\nmargin = "1 day"\n[pause]\nlongest = "1 day"',
        4,
        "calendar.horizon",
        "at least 90 days",
    ),
    "a silent buyer beyond escrow": ('[receipt]\nweak_release = "80 days"', 4, "receipt.weak_release", "silent buyer"),
    "no escrow at all": ('[escrow]\nmargin = "90 days"', 4, "escrow.margin", "earlier than escrow.longest"),
    "a request that lands after its ticket": (
        '[money]\nlands_within = "25 hours"',
        4,
        "money.lands_within",
        "later than",
    ),
    "words on two lines": ('[expect]\nplaced = """\nsoon\n"""', 4, "expect.placed", "one line"),
    "an exception for nobody": (
        '[[claims.exceptions]]\nanswer = "1 business day"',
        3,
        "claims.exceptions[0]",
        "neither",
    ),
    "an exception to nothing": (
        '[[claims.exceptions]]\nsellers = ["s-1"]\n[[claims.exceptions]]\nsellers = ["s-2"]\nfee = 1',
        7,
        "claims.exceptions[1].fee",
        "not known here; known: sellers, categories, reasons, remind",
    ),
    "an exception without a unit": (
        '[[claims.exceptions]]\ncategories = ["books"]\nreply = 3',
        5,
        "claims.exceptions[0].reply",
        "no unit",
    ),
    "an exception beyond the calendars": (
        '[[claims.exceptions]]\ncategories = ["books"]\nreply = "31 business days"',
        5,
        "claims.exceptions[0].reply",
        "not be more than 30",
    ),
    "an exception for no list": (
        '[[claims.exceptions]]\ncategories = "books"',
        4,
        "claims.exceptions[0].categories",
        "list of names",
    ),
    "an exception for an unknown reason": (
        '[[claims.exceptions]]\nreasons = ["broken"]\nanswer = "1 business day"',
        4,
        "claims.exceptions[0].reasons",
        "list of any of these: not_received, not_as_described, damaged, ",
    ),
    "an exception for no reason": (
        "[[claims.exceptions]]\nreasons = []",
        4,
        "claims.exceptions[0].reasons",
        "names no reason; name some of these: not_received, ",
    ),
    "a number about another reason": (
        '[[claims.exceptions]]\nreasons = ["damaged"]\nreturn_window = "7 days"',
        5,
        "claims.exceptions[0].return_window",
        "says nothing about damaged; it is about changed_mind",
    ),
    "reasons for reasons": (
        '[[claims.exceptions]]\nreasons = ["damaged"]\nreturn_reasons = ["damaged"]',
        5,
        "claims.exceptions[0].return_reasons",
        "names reasons itself",
    ),
    "a window that is no number": ('[claims]\nreport = "never"', 4, "claims.report", "is not a number of days"),
    "exceptions that are no tables": ("[claims]\nexceptions = 3", 4, "claims.exceptions", "must be tables"),
    "what is not TOML": ("[ship]\nend = soon", 4, "file", "not TOML"),
    "an unclosed text": ('[ship]\nend = "5', 4, "file", "not TOML"),
}


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_file_is_refused_with_its_name_line_and_rule(case: str, end: str) -> None:
    body, line, field, rule = REFUSED[case]
    with pytest.raises(PolicyError, match=rule) as caught:
        load(f'# A policy.\nname = "bad"\n{body}\n'.replace("\n", end), "bad.toml")
    assert str(caught.value).startswith(f"bad.toml:{line}: {field}: ")
    assert (caught.value.source, caught.value.line, caught.value.field) == ("bad.toml", line, field)


@pytest.mark.parametrize("text", ["", "[ship]\n", 'name = ""', 'name = "../x"', "name = 3"])
def test_a_policy_must_have_a_name(text: str) -> None:
    with pytest.raises(PolicyError, match=r"^p.toml:1: name: "):
        load(text, "p.toml")


@pytest.mark.parametrize("way_out", ["reauthorise", "cancel", "capture_at_confirmation"])
def test_windows_beyond_the_hold_are_taken_when_the_file_names_a_way_out(way_out: str) -> None:
    text = f'name = "slow"\n[ship]\nend = "8 business days"\n[hold]\nway_out = "{way_out}"\n'
    assert load(text, "slow.toml").ship.end == 8


def test_windows_that_fit_need_no_way_out() -> None:
    text = 'name = "slow"\n[ship]\nend = "8 business days"\n[hold]\nexpected = "13 days"\n'
    assert load(text, "slow.toml").hold.expected == 13
    with pytest.raises(PolicyError, match=r"can take 12 days, .* leaves 11;"):
        load(text.replace("13", "12"), "slow.toml")


def test_the_worst_case_is_the_longest_that_any_start_takes() -> None:
    week: Calendar = calendar_of("UTC")
    start = calendar_of("UTC").offsets[0][0].replace(day=FIRST.day)
    starts = [start + timedelta(hours=hours) for hours in range(0, 7 * 24, 6)]
    for n in range(1, 25):
        longest = max(add_business_days(week, begin, n) - begin for begin in starts)
        assert longest <= timedelta(days=worst_case_days(n)) < longest + timedelta(days=1)


def test_limits_per_currency_are_on_the_safe_side_where_nothing_is_said() -> None:
    policy = replace(Policy(name="x"), second_operator=SecondOperator(limits=(Money(500_00, "EUR"),)))
    assert [policy.second_operator.needed(Money(*sum_)) for sum_ in ((500_00, "EUR"), (500_01, "EUR"), (1, "ZAR"))] == [
        False, True, True,
    ]  # fmt: skip
    weak = [
        policy.receipt.releases_on_weak_proof(Money(m, c)) for m, c in ((149_99, "EUR"), (150_00, "EUR"), (1, "ZAR"))
    ]
    assert weak == [True, False, False]
    assert policy.fees.fixed("JPY") == Money.zero("JPY")


def test_a_policy_is_read_by_the_name_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('# A comment.\n\nname = "two"\n', encoding="utf-8")
    with pytest.raises(PolicyError, match=r"one\.toml:3: name: 'two' is not the name of the file; write 'one'"):
        read_policies(tmp_path)
    for unknown in ("three", "../one", ""):
        with pytest.raises(Invalid, match="not known; known here: one"):
            read_policy(tmp_path, unknown)


def test_a_policy_that_is_edited_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    for version, _ in product(("1", "2"), range(2)):
        path.write_text(f'name = "one"\nversion = "{version}"\n', encoding="utf-8")
        assert read_policy(tmp_path, "one").version == version
