"""How goods go back: who says it, what the buyer's time counts from, and whom silence costs what."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

from activities.notices import Letters, Reader
from domain.claims.case import Status
from domain.deadlines import Clock, deadlines
from domain.events import ReturnInstructed
from domain.money import Verb
from domain.notices import notices, reminders
from domain.state import Actor, Cause, Role
from domain.turns import claim_sentence, turn_of
from tests.domain.claims_world import BUYER, NOTE, SELLER, SPECIALIST, escalated, return_asked, return_sent, return_told
from tests.domain.world import Life

LETTERS = Letters(Path(__file__).parents[2] / "templates")
PLATFORM = Actor(Role.PLATFORM, "platform-1")
DAY = timedelta(days=1)
HOME = ("Samt & Seide GmbH", "Lager 3", "10115 Berlin")


def clock(life: Life) -> Clock:
    """The clock of the order's claim that runs for a party."""
    return next(each for each in deadlines(life.order) if each.tier == "claim:c1.end")


def letter(life: Life, role: Role, language: str, address: tuple[str, ...] = (), template: str = "claim") -> str:
    facts = {"step": "instruct_return", "claim_id": "c1"}
    return LETTERS.render(template, facts, Reader(role, "Ada", language), life.order, address=address).text


@pytest.mark.parametrize("who", [SELLER, PLATFORM])
@pytest.mark.parametrize("body", [{"address_id": "a-1"}, {"label": "f-1"}, {"address_id": "a-1", "label": "f-1"}])
def test_a_seller_or_the_platform_says_how_goods_go_back(who: Role | Actor, body: dict[str, str]) -> None:
    life = return_asked()
    taken = life.do("instruct_return", who, **body)
    [claim] = life.order.claims
    given = (body.get("address_id", ""), body.get("label", ""))
    assert (claim.status, claim.return_to, claim.return_label) == (Status.RETURN_REQUESTED, *given)
    assert ReturnInstructed("c1", *given) in taken.events


@pytest.mark.parametrize("body", [{}, {"address_id": "an address, line by line"}, {"label": "../label.pdf"}])
def test_what_names_nothing_that_is_stored_says_nothing(body: dict[str, str]) -> None:
    assert return_asked().refused("instruct_return", SELLER, **body).code == "invalid"


def test_a_buyer_does_not_say_where_the_goods_go() -> None:
    assert return_asked().refused("instruct_return", BUYER, address_id="a-1").code == "role_not_allowed"


def test_the_buyers_time_counts_from_the_last_time_that_he_was_told() -> None:
    life = return_asked()
    whole = clock(life).at - life.now
    life.now += 7 * DAY
    life.do("instruct_return", SELLER, address_id="a-1")
    assert (clock(life).step, clock(life).who, clock(life).at) == ("claim_lapses", BUYER, life.now + whole)
    life.now += 7 * DAY
    life.do("instruct_return", SELLER, label="f-1")
    assert clock(life).at == life.now + whole
    [claim] = life.order.claims
    assert (claim.return_to, claim.return_label) == ("", "f-1"), "the last one stands, and none beside it"


def test_goods_that_are_on_their_way_are_not_sent_elsewhere() -> None:
    assert return_sent().refused("instruct_return", SELLER, address_id="a-1").code == "claim_status"


def test_who_was_told_nothing_does_not_lose_by_silence() -> None:
    life = return_asked()
    assert (clock(life).step, clock(life).who) == ("instruction_missing", SELLER)
    life.until("instruction_missing")
    [claim] = life.order.claims
    assert claim.status is Status.ESCALATED
    assert (Cause.CLAIM, "c1") in [(ticket.cause, ticket.subject) for ticket in life.order.tickets]
    life.silence()
    life.settle_money()
    assert str(life.moved[Verb.REFUND]) == "400.00 EUR", "and when the platform is silent, too, the buyer is right"


def test_who_was_told_and_sends_nothing_loses_the_claim() -> None:
    life = return_told()
    life.until("claim_lapses")
    assert [claim.status for claim in life.order.claims] == [Status.CLOSED]


def test_what_was_said_once_holds_when_the_platform_asks_for_the_goods_again() -> None:
    life = return_told()
    assert life.refused("decide_claim", SPECIALIST, verdict="return_first", **NOTE).code == "return_known"
    untold = escalated()
    untold.do("decide_claim", SPECIALIST, verdict="return_first", **NOTE)
    untold.until("instruction_missing")
    untold.do("decide_claim", SPECIALIST, verdict="return_first", **NOTE)
    assert clock(untold).step == "instruction_missing", "nobody has said it in between"


def test_the_seller_is_waited_for_and_reminded_until_the_buyer_is_told() -> None:
    life = return_asked()
    [reminder] = [each for each in reminders(life.order) if each.template == "remind_claim"]
    assert reminder.to is SELLER
    said = claim_sentence(life.order, turn_of(life.order, life.order.claims[0]))
    assert (
        said
        == "The seller should say how the items go back, by an address or a label; otherwise the platform steps in."
    )
    life.do("instruct_return", SELLER, label="f-1")
    [reminder] = [each for each in reminders(life.order) if each.template == "remind_claim"]
    assert reminder.to is BUYER


UNTOLD = {
    (BUYER, "en"): "Your time to send them begins only then.\n\nIts status",
    (SELLER, "en"): "The buyer waits to hear how the items go back",
    (BUYER, "de"): "Erst dann beginnt Ihre Zeit zum Zurücksenden.",
    (SELLER, "de"): "Der Käufer wartet darauf, wie die Artikel zurückgehen",
}
ASKED = {
    (BUYER, "en"): "The seller has until",
    (SELLER, "en"): "Please say how the items go back, by an address or a label by",
    (BUYER, "de"): "Der Verkäufer hat bis",
    (SELLER, "de"): "Bitte teilen Sie bis",
}


@pytest.mark.parametrize(("role", "language"), UNTOLD)
def test_the_mails_of_a_grant_tell_the_seller_that_the_buyer_waits(role: Role, language: str) -> None:
    text = letter(return_asked(), role, language)
    assert UNTOLD[role, language] in text
    assert ASKED[role, language] in text
    assert {"en": "the platform steps in", "de": "unser Kundenservice"}[language] in text


TOLD = {
    "en": ("Please send the items back to:\n\n> Samt & Seide GmbH\n> Lager 3\n> 10115 Berlin\n", "(file f-1)",
           "give its carrier and its tracking number", "Please send the items back, to the address or with the label"),
    "de": ("Bitte senden Sie die Artikel zurück an:\n\n> Samt & Seide GmbH\n> Lager 3\n> 10115 Berlin\n", "(Datei f-1)",
           "geben Sie bitte Zusteller und Sendungsnummer", "Bitte senden Sie die Artikel bis Dienstag, 8. Dezember"),
}  # fmt: skip


@pytest.mark.parametrize(("language", "template"), list(product(TOLD, ("claim", "remind_claim"))))
def test_the_buyers_mails_tell_where_how_and_until_when_and_the_sellers_no_address(
    language: str, template: str
) -> None:
    life = return_asked()
    taken = life.do("instruct_return", PLATFORM, address_id="a-1", label="f-1")
    mails = notices(taken.step, taken.tells, life.order.seq, taken.events, life.order, life.now)
    assert {(mail.to, mail.template) for mail in mails} == {(BUYER, "claim"), (SELLER, "claim")}
    text = letter(life, BUYER, language, HOME, template)
    for words in TOLD[language]:
        assert words in text
    assert "Lager 3" not in letter(life, SELLER, language, HOME, template)
    life.do("send_return", BUYER, parcel_id="r1", carrier="dhl")
    assert "Lager 3" not in letter(life, BUYER, language, HOME, template), "what was sent needs no address any more"


def test_a_label_alone_says_where_the_parcel_goes() -> None:
    life = return_asked()
    life.do("instruct_return", SELLER, label="f-1")
    assert "it says where the parcel goes." in letter(life, BUYER, "en")
    assert "darauf steht, wohin das Paket geht." in letter(life, BUYER, "de")
