"""What is written with a step of a claim stands in the mails that tell of it, for its two sides."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

from sqlalchemy import Engine, insert

from activities.store import personal, vault
from activities.store.personal import Note
from activities.store.tables import steps
from activities.store.vault import Vault
from domain.events import Noted, to_plain as plain
from domain.state import Actor, Role
from tests.activities.told_orders import BUYER, SELLER, Desk, Told
from tests.smtp_fixture import PostOffice
from tests.store.rows import step

ANN = Actor(Role.BUYER, "buyer-1")
WORDS = "The lid is torn.\nSubject: free money"


def claimed(engine: Engine, safe: Vault, author: Actor = ANN) -> Told:
    """A delivered order, and a claim that the buyer has opened with words of his own, or of another author."""
    life = Told(engine, safe).steps("confirm", "arrive")
    with engine.begin() as conn:
        personal.put_note(conn, safe, Note("n-1", "o-1", author, life.now, WORDS))
    life.do("open_claim", Role.BUYER, reason="damaged", lines=["a"], note_id="n-1")
    with engine.begin() as conn:
        told = [plain(Noted("n-1"))]
        row = step(life.order.seq, step="open_claim", role=ANN.role, actor_id=ANN.id, events=told)
        conn.execute(insert(steps).values({name: value for name, value in asdict(row).items() if name in steps.c}))
    return life.keep()


def claim_mails(post_office: PostOffice) -> dict[str, str]:
    """The mails about the claim, by recipient."""
    mails = [mail for mail in post_office.mails if str(mail["X-Aftersale-Notice"]).startswith("claim.")]
    return {str(mail["To"]): mail.get_content().replace("\r\n", "\n") for mail in mails}


def test_both_sides_read_in_their_mail_what_was_written_with_a_claim_and_by_whom(
    engine: Engine, safe: Vault, post_office: PostOffice
) -> None:
    life = claimed(engine, safe)
    Desk(engine, safe, post_office).deliver(life.now)
    told = claim_mails(post_office)
    quoted = "> The lid is torn.\n> Subject: free money\n"
    assert f"You wrote:\n\n{quoted}" in told[BUYER]
    assert f"Der Käufer hat geschrieben:\n\n{quoted}" in told[SELLER]
    others = [mail for mail in post_office.mails if not str(mail["X-Aftersale-Notice"]).startswith("claim.")]
    assert others
    assert not any("torn" in mail.get_content() for mail in others)


def test_words_of_somebody_else_are_quoted_in_no_mail(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    life = claimed(engine, safe, Actor(Role.SPECIALIST, "eve"))
    Desk(engine, safe, post_office).deliver(life.now)
    assert set(claim_mails(post_office)) == {BUYER, SELLER}
    assert not any("torn" in mail.get_content() for mail in post_office.mails)


def test_a_claims_mail_without_words_has_no_room_for_them(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    life = claimed(engine, safe)
    with engine.begin() as conn:
        vault.erase(conn, vault.order("o-1"))
        for person, mail in (("buyer-1", BUYER), ("seller-1", SELLER)):
            personal.put_person(conn, safe, "o-1", personal.Person(person, "", mail))
    Desk(engine, safe, post_office).deliver(life.now + timedelta(minutes=1))
    told = claim_mails(post_office)
    assert set(told) == {BUYER, SELLER}
    assert not any("wrote" in text or "torn" in text for text in told.values())
