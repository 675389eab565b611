"""The comparison of the two books, as pure logic (R1, R3, P12)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from domain.comparing.reconcile import INWARD, KINDS, Booked, Finding, FindingKind, Listed, effect, effects, reconcile
from domain.money import Money

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
UNTIL = NOW - timedelta(hours=6)
REPEATABLE = settings(max_examples=150, derandomize=True, print_blob=True)
MOVING = sorted(verb for verb in KINDS if verb != "authorise")

Books = tuple[list[Booked], list[Listed]]


def euro(minor: int) -> Money:
    return Money(minor, "EUR")


def pair(n: int, verb: str = "capture", minor: int = 4990, at: datetime = NOW - timedelta(days=1)) -> Books:
    """One movement in both books."""
    kind = KINDS[verb]
    amount = effect(kind, euro(minor), euro(0))
    ref, order_id = f"{kind}_{n:06}", f"o-{n:06}"
    return [Booked(ref, order_id, verb, 3, amount, at)], [Listed(ref, kind, order_id, amount, at)]


def found(ours: Iterable[Booked], theirs: Iterable[Listed]) -> list[Finding]:
    return list(
        reconcile(sorted(ours, key=lambda b: b.ref), sorted(theirs, key=lambda m: m.ref), UNTIL),
    )


def kinds(ours: Iterable[Booked], theirs: Iterable[Listed]) -> list[FindingKind]:
    return [finding.kind for finding in found(ours, theirs)]


@st.composite
def clean_books(draw: st.DrawFn, least: int = 0) -> Books:
    """Two books that agree, of every kind of movement, some of it pending or too young to be in both."""
    ours: list[Booked] = []
    theirs: list[Listed] = []
    for n in range(draw(st.integers(least, 40))):
        verb, minor = draw(st.sampled_from(MOVING)), draw(st.integers(1, 10**9))
        [booked], [listed] = pair(n, verb, minor)
        match draw(st.integers(0, 9)):
            case 0:
                theirs.append(replace(listed, pending=True))
            case 1:
                theirs.append(replace(listed, at=draw(st.datetimes(UNTIL.replace(tzinfo=None))).replace(tzinfo=UTC)))
            case 2:
                ours.append(replace(booked, at=UNTIL))
            case 3:
                ours.append(booked)
                theirs.append(replace(listed, order_id=""))
            case 4 if verb == "dispute":
                back, again = pair(n, "dispute_won", minor)
                ours += [booked, *(replace(b, ref=booked.ref) for b in back)]
                theirs += [listed, *(replace(m, ref=listed.ref) for m in again)]
            case _:
                ours.append(booked)
                theirs.append(replace(listed, done_as=listed.ref if verb in ("refund", "release") else ""))
    return ours, theirs


@given(clean_books())
@REPEATABLE
def test_nothing_is_reported_of_books_that_agree(books: Books) -> None:
    assert found(*books) == []


def test_nothing_is_reported_over_ten_thousand_clean_movements_of_every_kind() -> None:
    dice = random.Random(20261124)  # noqa: S311  # A repeatable shuffle, no secret.
    pairs = [pair(n, MOVING[n % len(MOVING)], dice.randint(1, 10**7)) for n in range(10_000)]
    assert found((b for ours, _ in pairs for b in ours), (m for _, theirs in pairs for m in theirs)) == []


def seed(kind: FindingKind, booked: Booked, listed: Listed, n: int) -> tuple[list[Booked], list[Listed]]:
    """One error of `kind` put into a pair that agreed."""
    assert booked.amount is not None
    other = replace(booked.amount, minor=booked.amount.minor + n + 1)
    match kind:
        case FindingKind.NOT_IN_LEDGER:
            # Our records may know of it although nothing of it is booked.
            return [], [replace(listed, done_as=listed.ref if n % 2 else "")]
        case FindingKind.NOT_AT_PROVIDER:
            return [booked], []
        case FindingKind.DOUBLED_AT_PROVIDER if n % 2:
            return [booked], [listed, replace(listed, ref=f"{listed.ref}b", done_as=listed.ref)]
        case FindingKind.DOUBLED_AT_PROVIDER:
            return [booked], [listed, replace(listed, at=listed.at + timedelta(seconds=1))]
        case FindingKind.DOUBLED_IN_LEDGER:
            return [booked, replace(booked, seq=booked.seq + 1)], [listed]
        case FindingKind.WRONG_AMOUNT if n % 2:
            return [replace(booked, amount=other)], [listed]
        case FindingKind.WRONG_AMOUNT:
            return [booked], [replace(listed, amount=other)]
        case FindingKind.WRONG_CURRENCY:
            return [booked], [replace(listed, amount=replace(listed.amount, currency="SEK"))]
        case _:
            return [booked], [replace(listed, order_id=f"{listed.order_id}-other")]


SEEDED = (
    FindingKind.NOT_IN_LEDGER,
    FindingKind.NOT_AT_PROVIDER,
    FindingKind.DOUBLED_AT_PROVIDER,
    FindingKind.DOUBLED_IN_LEDGER,
    FindingKind.WRONG_AMOUNT,
    FindingKind.WRONG_CURRENCY,
    FindingKind.WRONG_ORDER,
)


def test_sixty_seeded_errors_of_each_kind_are_found_and_named_among_clean_movements() -> None:
    ours: list[Booked] = []
    theirs: list[Listed] = []
    expected: Counter[tuple[FindingKind, str]] = Counter()
    for n in range(7 * 60 * 3):
        verb = MOVING[n % len(MOVING)]
        [booked], [listed] = pair(n, verb)
        if n % 3 == 0:
            kind = SEEDED[(n // 3) % 7]
            left, right = seed(kind, booked, listed, n // 21)
            expected[kind, booked.order_id] += 1
        else:
            left, right = [booked], [listed]
        ours += left
        theirs += right
    assert Counter(kind for kind, _ in expected) == dict.fromkeys(SEEDED, 60)
    assert Counter((f.kind, f.order_id) for f in found(ours, theirs)) == expected


@given(clean_books(least=1), st.sampled_from(SEEDED), st.data())
@REPEATABLE
def test_one_error_in_books_that_agree_is_found_alone(books: Books, kind: FindingKind, data: st.DataObject) -> None:
    ours, theirs = books
    [booked], [listed] = pair(999_999, data.draw(st.sampled_from(MOVING)))
    left, right = seed(kind, booked, listed, data.draw(st.integers(0, 9)))
    [finding] = found([*ours, *left], [*theirs, *right])
    assert (finding.kind, finding.order_id) == (kind, booked.order_id)
    assert finding.ref.startswith(booked.ref)


def test_a_finding_tells_both_amounts_with_their_signs_and_is_the_same_in_every_run() -> None:
    [booked], [listed] = pair(1, "refund", 4000)
    theirs = [replace(listed, amount=euro(-4100))]
    [finding] = found([booked], theirs)
    assert (finding.verb, finding.seq, finding.ref) == ("refund", 3, "refund_000001")
    assert (finding.ours, finding.theirs) == (euro(-4000), euro(-4100))
    assert found([booked], theirs) == [finding]


def test_every_finding_has_a_subject_of_its_own() -> None:
    [booked], [listed] = pair(1, "dispute")
    twice = [listed, replace(listed, at=listed.at - timedelta(hours=1))]
    assert len({finding.subject for finding in found([], twice)}) == 2
    both = [booked, replace(booked, seq=booked.seq + 1)]
    assert len({finding.subject for finding in found(both, [])}) == 2


def test_money_that_went_the_other_way_is_a_wrong_amount() -> None:
    [booked], [listed] = pair(1, "release")
    assert kinds([replace(booked, amount=euro(4990))], [listed]) == [FindingKind.WRONG_AMOUNT]


def test_what_is_pending_is_not_missed_in_our_book() -> None:
    _, [listed] = pair(1)
    assert kinds([], [replace(listed, pending=True)]) == []
    assert kinds([], [listed]) == [FindingKind.NOT_IN_LEDGER]


@pytest.mark.parametrize(("at", "missed"), [(UNTIL - timedelta(microseconds=1), 1), (UNTIL, 0), (NOW, 0)])
def test_what_is_within_the_grace_is_matched_but_not_missed(at: datetime, missed: int) -> None:
    [booked], [listed] = pair(1, at=at)
    assert len(found([booked], [])) == missed
    assert len(found([], [listed])) == missed
    assert kinds([booked], [replace(listed, amount=euro(1))]) == [FindingKind.WRONG_AMOUNT]


def test_a_disputes_fee_is_booked_with_it_and_a_charges_is_not() -> None:
    assert effect("dispute", euro(4990), euro(1500)) == euro(-6490)
    assert effect("dispute_reversal", euro(4990), euro(1500)) == euro(6490)
    assert effect("charge", euro(4990), euro(170)) == euro(4990)


def test_a_fee_in_another_currency_is_a_movement_of_its_own_with_a_finding_of_its_own() -> None:
    dollars = Money(1500, "USD")
    assert effects("dispute", euro(4990), euro(1500)) == (euro(-6490),)
    assert effects("dispute", euro(4990), dollars) == (euro(-4990), -dollars)
    assert effects("dispute_reversal", euro(4990), Money.zero("USD")) == (euro(4990),)
    assert effects("charge", euro(4990), dollars) == (euro(4990),)
    _, [listed] = pair(1, "dispute")
    assert len({finding.subject for finding in found([], [listed, replace(listed, amount=-dollars, is_fee=True)])}) == 2


def test_what_came_and_went_under_one_ref_is_told_apart() -> None:
    [out], [sent] = pair(1, "refund")
    [back], [came] = pair(1, "refund_failed")
    back, came = replace(back, ref=out.ref), replace(came, ref=sent.ref)
    assert kinds([out, back], [sent, came]) == []
    assert kinds([out], [sent, came]) == [FindingKind.NOT_IN_LEDGER]
    assert kinds([out, back], [sent]) == [FindingKind.NOT_AT_PROVIDER]


def test_a_refund_that_was_refused_and_had_gone_and_come_back_is_in_neither_book() -> None:
    _, [sent] = pair(1, "refund")
    _, [came] = pair(1, "refund_failed")
    came = replace(came, ref=sent.ref)
    refused = replace(sent, refused=True)
    assert kinds([], [refused, came]) == []
    assert kinds([], [refused]) == [FindingKind.NOT_IN_LEDGER]
    assert kinds([], [refused, replace(came, amount=euro(1))]) == [FindingKind.NOT_IN_LEDGER] * 2
    assert kinds([], [sent, came]) == [FindingKind.NOT_IN_LEDGER] * 2, "somebody's own doing is told"


def test_of_two_claims_to_one_movement_the_one_that_does_not_fit_is_the_double() -> None:
    [booked], [listed] = pair(1, "release")
    stranger = replace(booked, order_id="o-0", at=booked.at - timedelta(hours=1))
    [finding] = found([stranger, booked], [listed])
    assert (finding.kind, finding.order_id) == (FindingKind.DOUBLED_IN_LEDGER, "o-0")


def test_a_verb_that_should_not_move_our_balance_is_never_matched() -> None:
    booked = Booked("o-1:write_off:9", "o-1", "write_off", 9, euro(-100), NOW - timedelta(days=1))
    assert kinds([booked], []) == [FindingKind.NOT_AT_PROVIDER]


def hold(**changes: object) -> Books:
    at = NOW - timedelta(days=1)
    booked = Booked("pi_1", "o-1", "authorise", 0, euro(4990), at)
    return [booked], [replace(Listed("pi_1", "hold", "o-1", euro(4990), at), **changes)]  # type: ignore[arg-type]


def test_holds_are_matched_the_same_way_and_named_for_what_they_are() -> None:
    ours, theirs = hold()
    assert kinds(ours, theirs) == []
    assert kinds(ours, []) == [FindingKind.ORDER_WITHOUT_HOLD]
    assert kinds([], theirs) == [FindingKind.HOLD_WITHOUT_ORDER]
    assert kinds(*hold(amount=euro(1))) == [FindingKind.WRONG_AMOUNT]
    assert kinds(*hold(order_id="o-2")) == [FindingKind.WRONG_ORDER]


def test_a_finding_about_a_hold_is_the_same_whenever_the_run_says_that_it_was_made() -> None:
    _, [standing] = hold()
    later = replace(standing, at=standing.at + timedelta(hours=3))
    assert found([], [standing]) == found([], [later]) != []
    assert found([], [standing])[0].subject == "hold:pi_1"


def test_a_hold_that_is_being_let_go_may_stand_or_not() -> None:
    [booked], theirs = hold()
    letting_go = [replace(booked, amount=None)]
    assert kinds(letting_go, []) == []
    assert kinds(letting_go, theirs) == []


def test_streams_that_do_not_ascend_are_refused_rather_than_misread() -> None:
    first, second = pair(2), pair(1)
    with pytest.raises(ValueError, match="do not ascend"):
        list(reconcile([*first[0], *second[0]], [], UNTIL))


def test_the_streams_are_read_no_further_than_the_ref_that_is_judged() -> None:
    read: list[str] = []

    def watched(records: Iterable[Booked]) -> Iterable[Booked]:
        for record in records:
            read.append(record.ref)
            yield record

    next(reconcile(watched([*pair(1)[0], *pair(2)[0], *pair(3)[0]]), [], UNTIL))
    assert len(read) == 2, "memory is that of one ref and the next"


def test_every_kind_that_a_verb_is_booked_for_has_a_direction() -> None:
    assert {KINDS[verb] for verb in MOVING} == INWARD.keys()
