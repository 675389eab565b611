"""The provider reviews the payment: the order stands still, and nothing is sent or paid out for it meanwhile (C11)."""

from __future__ import annotations

from datetime import timedelta

from domain.deadlines import deadlines
from domain.state import Role
from tests.domain.lives import NOTE
from tests.domain.world import Life, paid, text_of

PROVIDER, OPERATOR = Role.PROVIDER, Role.OPERATOR


def begins(life: Life, about: str = "prv_1", days: int = 20) -> None:
    until = text_of(life.now + timedelta(days=days))
    life.do("pause", PROVIDER, until=until, review=True, about=about, note_id=f"{about}-opened")


def ends(life: Life, about: str = "prv_1") -> None:
    life.do("resume", PROVIDER, about=about, note_id=f"{about}-closed")


def pauses(life: Life, days: int = 5) -> None:
    life.do("pause", OPERATOR, until=text_of(life.now + timedelta(days=days)), **NOTE)


def stands(life: Life) -> bool:
    return not any(clock.party for clock in deadlines(life.order))


def test_a_review_that_opens_during_an_operators_pause_keeps_the_order_standing_after_it() -> None:
    life = paid()
    (before,) = [clock.at for clock in deadlines(life.order) if clock.step == "confirm_overdue"]
    pauses(life)
    life.now += timedelta(days=1)
    begins(life)
    life.do("resume", OPERATOR, **NOTE)
    assert stands(life)
    life.now += timedelta(days=1)
    ends(life)
    (after,) = [clock.at for clock in deadlines(life.order) if clock.step == "confirm_overdue"]
    assert after - before == timedelta(days=2), "the clocks stood from the first pause to the end of the last"


def test_an_operators_pause_that_begins_during_a_review_outlives_it() -> None:
    life = paid()
    begins(life)
    pauses(life)
    ends(life)
    assert stands(life)
    assert life.until("pause_ends").step == "pause_ends"
    assert not stands(life)


def test_each_of_two_reviews_and_a_pause_ends_by_itself_and_the_clocks_run_after_the_last() -> None:
    life = paid()
    begins(life, "prv_1", days=1)
    begins(life, "prv_2", days=3)
    pauses(life, days=2)
    seen = []
    while stands(life):
        life.until("pause_ends")
        seen.append(life.now)
    assert len(seen) == 3


def test_a_review_is_known_by_its_name_and_its_end_ends_no_other_one() -> None:
    life = paid()
    begins(life)
    refused = life.refused("pause", PROVIDER, until=text_of(life.now + timedelta(days=1)), about="prv_1", note_id="n")
    assert refused.code == "nothing_new"
    assert life.refused("resume", PROVIDER, about="prv_2", note_id="n").code == "nothing_new"
    assert stands(life)


def test_an_operator_ends_his_own_pause_first_and_a_review_that_nobody_ends_on_purpose() -> None:
    life = paid()
    begins(life)
    pauses(life)
    life.do("resume", OPERATOR, **NOTE)
    assert stands(life)
    life.do("resume", OPERATOR, **NOTE)
    assert not stands(life)
