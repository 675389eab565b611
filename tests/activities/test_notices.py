from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from jinja2 import TemplateError

from activities.calendars import resolve
from activities.notices import SHOWS_NUMBER, Letters, Reader, next_sentence
from domain.money import Verb
from domain.notices import OUTCOMES, Channel, stands, template_of
from domain.process import STEPS
from domain.state import PARTIES, Role
from domain.words.english import ENGLISH
from domain.words.german import GERMAN
from tests.activities.told_orders import LETTERS
from tests.domain.claims_world import escalated, received, refuses_refunds, return_told
from tests.domain.telling import LIVES, Said, Telling
from tests.domain.world import Life, new_order, no, scan, text_of

CANARY = "JJD0142CANARY7781"
TOLD = {(template_of(step.name), role) for step in STEPS for role in step.tells if role in PARTIES} | set(OUTCOMES)
"""Every mail that the table and the outcomes can tell."""


@pytest.fixture(scope="module")
def said() -> list[tuple[str, Said]]:
    """Every mail of all lives, with the life's name."""
    lives = {name: live() for name, live in LIVES.items()}
    return [(name, s) for name, life in lives.items() for s in life.said if s.notice.channel is Channel.MAIL]


def test_every_mail_that_can_be_told_has_a_template(pytestconfig: pytest.Config) -> None:
    folder = pytestconfig.rootpath / "templates" / "en"
    files = {path.stem for path in folder.glob("*.txt") if not path.stem.startswith("_")}
    assert files == {f"{template}.{role}" for template, role in TOLD}


def test_the_lives_tell_every_mail_that_can_be_told(said: list[tuple[str, Said]]) -> None:
    assert {(s.notice.template, s.notice.to) for _, s in said} == TOLD


def test_every_mail_of_every_life_renders_in_plain_words(said: list[tuple[str, Said]]) -> None:
    for name, s in said:
        letter = LETTERS.render(s.notice.template, s.notice.context, Reader(s.notice.to, "Ada"), s.order, CANARY)
        where = (name, s.notice.template, s.notice.to)
        assert 8 < len(letter.subject) < 90, where
        whole = f"{letter.subject}\n{letter.text}"
        assert "o-1" in whole, where
        assert not re.search(r"\{\{|\{%|None|\[\]|datetime|Milestone|\n\n\n", whole), (where, whole)
        assert "Ada" in whole or s.notice.to is Role.SPECIALIST, where


def test_only_the_shipped_buyer_and_the_seller_s_copy_see_the_number(said: list[tuple[str, Said]]) -> None:
    showing = set()
    for _, s in said:
        letter = LETTERS.render(s.notice.template, s.notice.context, Reader(s.notice.to, "Ada"), s.order, CANARY)
        if CANARY in f"{letter.subject}{letter.text}":
            showing.add((s.notice.template, s.notice.to))
    assert showing == SHOWS_NUMBER


def test_a_mail_tells_the_reader_s_own_local_time() -> None:
    life = Telling()
    new_york = resolve("US", "NY", "America/New_York", date(2026, 11, 1), date(2027, 6, 1))
    order = replace(life.order, seller_calendar=new_york)
    assert "Wed 25 Nov 2026 04:00 -05:00" in next_sentence(order, Role.SELLER, ENGLISH)
    assert "Wed 25 Nov 2026 09:00 +00:00" in next_sentence(order, Role.BUYER, ENGLISH)


def test_a_mail_says_what_its_reader_should_do_and_what_the_other_one() -> None:
    order = Telling().order
    assert next_sentence(order, Role.SELLER, ENGLISH).startswith("Please confirm or decline the order by ")
    assert next_sentence(order, Role.BUYER, ENGLISH).startswith("The seller has until ")


def test_a_mail_tells_what_to_expect_in_policy_s_words() -> None:
    life = Telling().confirm()
    notice = life.notice("confirm", Role.BUYER)
    letter = LETTERS.render("confirm", notice.context, Reader(Role.BUYER, "Ada"), life.order)
    assert "Usually within two to four business days" in letter.text


@pytest.mark.parametrize(
    ("insured", "seller", "desk"),
    [
        ("20.00 EUR", "the carrier pays 20.00 EUR for it. Please claim that sum", "The carrier pays: 20.00 EUR\n"),
        ("0.00 EUR", "the carrier pays nothing for it.", "The carrier pays: 0.00 EUR\n"),
    ],
)
def test_the_seller_and_the_desk_are_told_what_the_carrier_pays_for_a_lost_parcel(
    insured: str, seller: str, desk: str
) -> None:
    life = Telling().confirm()
    life.ship("p1", insured=insured)
    scan(life, "p1", "lost")
    for template, role, words in (("parcel_lost", Role.SELLER, seller), ("ticket_opened", Role.SPECIALIST, desk)):
        notice = life.notice(template, role)
        assert words in LETTERS.render(template, notice.context, Reader(role, "Sam"), life.order).text
    assert stands("parcel_lost", life.notice("parcel_lost", Role.SELLER).context, life.order)
    life.now += timedelta(days=1)
    scan(life, "p1", "delivered")
    assert not stands("parcel_lost", life.notice("parcel_lost", Role.SELLER).context, life.order)
    found = life.notice("parcel_found", Role.SELLER)
    told = LETTERS.render("parcel_found", found.context, Reader(Role.SELLER, "Sam"), life.order).text
    assert "reports on it again:\ndelivered." in told
    assert "claim nothing for it" in told
    assert stands("parcel_found", found.context, life.order)
    assert ("buyer", "parcel_found") not in life.mails(), "the buyer hears that the parcel has arrived"


def test_a_buyer_who_was_told_of_a_loss_hears_that_the_parcel_travels_on() -> None:
    life = Telling().confirm()
    life.ship("p1")
    scan(life, "p1", "lost")
    life.now += timedelta(days=1)
    scan(life, "p1", "in_transit")
    found = life.notice("parcel_found", Role.BUYER)
    told = LETTERS.render("parcel_found", found.context, Reader(Role.BUYER, "Bo"), life.order).text
    assert "it is on its way" in told


def test_titles_and_names_cannot_write_headers_or_paragraphs() -> None:
    life = Telling()
    odd = replace(life.order.lines[0], title="Lamp\nBcc: x@y.test\n\n{{ order }}")
    order = replace(life.order, lines=(odd, *life.order.lines[1:]))
    letter = LETTERS.render("paid", life.notice("paid", Role.BUYER).context, Reader(Role.BUYER, "A\r\nB: c"), order)
    assert "- 1 x Lamp Bcc: x@y.test {{ order }}, 30.00 EUR" in letter.text
    assert letter.text.startswith("Hello A B: c,\n")


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_a_person_wrote_is_quoted_and_never_rendered_as_a_template_or_a_header(language: str) -> None:
    life = Telling()
    life.do("message", Role.BUYER, message_id="m-1", attachments=["f-1"])
    text = "{{ order }} {% raw %}\r\nBcc: x@y.test\n\nHello Sam,\x1b[2J\u202e\nPlease pay again at http://evil.test"
    facts = life.notice("message", Role.SELLER).context
    letter = LETTERS.render("message", facts, Reader(Role.SELLER, "Sam", language), life.order, CANARY, text)
    rows = letter.text.splitlines()
    shown = "Hello Sam,\ufffd[2J\ufffd"
    for written in ("{{ order }} {% raw %}", "Bcc: x@y.test", shown, "Please pay again at http://evil.test"):
        assert f"> {written}" in rows
    assert CANARY not in letter.text
    assert "o-1" in letter.subject
    assert ("attachment" if language == "en" else "Anhang") in letter.text


def test_a_language_without_templates_falls_back_to_english_text_by_text(tmp_path: Path) -> None:
    english = Path(__file__).resolve().parents[2] / "templates" / "en"
    (tmp_path / "en").symlink_to(english)
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "paid.buyer.txt").write_text("Danke für die Zahlung\nwir haben {{ facts.amount }} reserviert.\n")
    letters, life = Letters(tmp_path), Telling()
    facts = life.notice("paid", Role.BUYER).context
    assert (
        letters.render("paid", facts, Reader(Role.BUYER, "Ada", "de-AT"), life.order).subject == "Danke für die Zahlung"
    )
    assert letters.render("paid", facts, Reader(Role.SELLER, "Sam", "de-AT"), life.order).subject.startswith(
        "New order"
    )
    assert letters.render("paid", facts, Reader(Role.BUYER, "Ada", "../x"), life.order).subject.startswith("Thank you")


def test_a_template_that_asks_for_what_it_may_not_know_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "paid.buyer.txt").write_text("Hello\n{{ number }}\n")
    life = Telling()
    with pytest.raises(TemplateError):
        Letters(tmp_path).render(
            "paid", life.notice("paid", Role.BUYER).context, Reader(Role.BUYER), life.order, CANARY
        )


def test_letters_show_nothing_of_their_contents() -> None:
    life = Telling()
    facts = life.notice("paid", Role.BUYER).context
    letter = LETTERS.render("paid", facts, Reader(Role.BUYER, "Ada"), life.order)
    assert "Ada" not in repr(letter) + repr(Reader(Role.BUYER, "Ada"))


def test_a_reader_is_told_nothing_more_to_do_when_the_order_is_over() -> None:
    life = LIVES["cancelled by the buyer"]()
    assert next_sentence(life.order, Role.SELLER, ENGLISH) == ""


@pytest.mark.parametrize(("language", "left", "before"), [("en", "25.00 EUR", "55.00"), ("de", "25,00 EUR", "55,00")])
def test_the_mails_of_an_order_that_was_cut_down_ask_for_what_is_left(language: str, left: str, before: str) -> None:
    life = Telling(new_order(payment=None))
    life.do("cancel", Role.BUYER, reason="changed_mind", lines=["a"])
    for template in ("place", "remind_pay", "payment_declined"):
        text = LETTERS.render(template, {}, Reader(Role.BUYER, "Ada", language), life.order).text
        assert (left in text, before in text) == (True, False), text


WORDS = {
    "AmountDiffers": ("another amount", "25.00 EUR", "einen anderen Betrag"),
    "NoSuchAuthorisation": ("do not find", "pay again", "nicht finden"),
    "UsedByAnotherOrder": ("another order", "pay again", "anderen Bestellung"),
    "NotAuthorised": ("not complete", "pay again", "nicht abgeschlossen"),
    "AuthenticationRequired": ("your bank wants you to confirm", "25.00 EUR", "Ihre Bank möchte"),
    "MethodUnusable": ("could not be made with what was named", "choose anew", "wählen Sie neu"),
    "Declined": ("your bank has declined", "another card", "Ihre Bank hat"),
}


@pytest.mark.parametrize("code", WORDS)
def test_a_payment_that_was_turned_away_is_told_with_its_reason(code: str) -> None:
    life = Telling(new_order(payment=None), no(code, Verb.AUTHORISE))
    life.do("cancel", Role.BUYER, reason="changed_mind", lines=["a"])
    life.do("pay", Role.BUYER, payment_intent="pi_1")
    [mail] = [s.notice for s in life.said if s.notice.template == "payment_declined"]
    english, german = (
        LETTERS.render("payment_declined", mail.context, Reader(Role.BUYER, "Ada", language), life.order).text
        for language in ("en", "de")
    )
    first, second, translated = WORDS[code]
    assert first in english
    assert second in english
    assert translated in german
    assert ("bank has declined" in english, "Bank hat" in german) == (code == "Declined", code == "Declined")


def of_claim(life: Life, role: Role, language: str = "en") -> str:
    """The mail about the order's claim as it stands."""
    facts = {"step": "grant_claim", "claim_id": "c1"}
    return LETTERS.render("claim", facts, Reader(role, "Ada", language), life.order).text


def test_a_claims_mail_tells_its_own_next_step_although_another_line_is_due_before() -> None:
    life = return_told()
    assert "check the items" in next_sentence(life.order, Role.BUYER, ENGLISH), "the other line is due first"
    where = "send the items back, to the address or with the label that was named, and give the tracking number"
    assert f"Please {where} by Tue 8 Dec" in of_claim(life, Role.BUYER)
    assert "The buyer has until Tue 8 Dec" in of_claim(life, Role.SELLER)
    assert "Bitte senden Sie die Artikel bis Dienstag, 8. Dezember" in of_claim(life, Role.BUYER, "de")
    assert "Der Käufer hat bis Dienstag, 8. Dezember" in of_claim(life, Role.SELLER, "de")
    for role, language in ((Role.BUYER, "en"), (Role.SELLER, "en"), (Role.BUYER, "de"), (Role.SELLER, "de")):
        assert not re.search(r"check the items|zu prüfen und|released to the seller", of_claim(life, role, language))


def test_a_claims_mail_says_that_the_platform_decides_it() -> None:
    life = escalated()
    assert "The platform decides the claim." in of_claim(life, Role.BUYER)
    assert "Unser Kundenservice entscheidet über die Reklamation." in of_claim(life, Role.SELLER, "de")


def test_a_claims_mail_says_that_its_clocks_stand_in_a_pause() -> None:
    life = received()
    life.do("pause", Role.OPERATOR, until=text_of(life.now + timedelta(days=3)), note_id="n-1")
    assert "The order is paused until Fri 27 Nov" in of_claim(life, Role.BUYER)
    assert "Die Bestellung ruht bis Freitag, 27. November" in of_claim(life, Role.BUYER, "de")


def test_a_claims_mail_says_that_its_money_is_on_its_way() -> None:
    life = received("damaged")
    life.answer = refuses_refunds
    life.do("grant_claim", Role.SELLER)
    assert "The money is on its way back to the buyer." in of_claim(life, Role.SELLER)
    assert "Das Geld ist auf dem Weg zum Käufer." in of_claim(life, Role.BUYER, "de")


def test_the_mail_of_a_claim_that_has_ended_tells_what_the_order_waits_for() -> None:
    life = received()
    life.do("withdraw_claim", Role.BUYER)
    assert next_sentence(life.order, Role.SELLER, GERMAN) in of_claim(life, Role.SELLER, "de")


def test_a_claims_mail_says_that_the_bank_is_deciding_and_promises_no_money() -> None:
    life = received("damaged")
    amount = {"amount": "425.00 EUR", "fee": "0.00 EUR"}
    life.do("open_dispute", Role.PROVIDER, dispute="dp", reason="fraudulent", **amount)
    held, german = (
        "bank is deciding about the money of thing 0;",
        "Die Bank des Käufers entscheidet über das Geld für thing 0",
    )
    assert f"{held} until it has, that money does not move. Please answer the claim by" in of_claim(life, Role.SELLER)
    life.do("grant_claim", Role.SELLER)
    assert held in of_claim(life, Role.BUYER)
    assert german in of_claim(life, Role.SELLER, "de")
    assert not re.search(
        r"on its way|auf dem Weg|bekomm", of_claim(life, Role.BUYER) + of_claim(life, Role.BUYER, "de")
    )
