"""Where claims are read, and where the sides say how they were handled. PostgreSQL only, and blocking."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from activities.store.desk import cases, claims, feedback, recurring
from activities.store.desk.cases import CaseRecord
from activities.store.desk.claims import ClaimRow
from activities.store.desk.looks import look_at_words
from activities.store.desk.recurring import RecurringRow
from activities.store.desk.returns import return_address
from domain import wire
from domain.claims.case import ENDED, STATUS_WORDS, Status
from domain.errors import Invalid, Refused
from domain.state import DESK, PARTIES, Actor, Order
from starter.answers import NotFound, texts_of
from starter.cases.turns import feedback_days, may_say_until
from starter.cases.views import CaseLine, CaseView, case_line, case_view, claim_of
from starter.records import Records, check_text
from starter.views import may_see

PAGE = 50
LONGEST = 2000
SCORES = range(1, 6)


class Cases:
    """The claims of all orders, for those who have part in them."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def listed(
        self,
        reader: Actor,
        *,
        status: Status | None = None,
        owner: str | None = None,
        seller: str | None = None,
        buyer: str | None = None,
        overdue: bool = False,
        everything: bool = False,
        limit: int = PAGE,
    ) -> tuple[CaseLine, ...]:
        """Open claims that fit all that is given, what is due first on top; with `everything` those that ended too.

        A party finds its own claims alone, nobody of the desk one of their own. Raises Invalid for a filter that is
        the desk's.
        """
        _check_reader(reader)
        desk = reader.role in DESK
        for flag, value in (("--owner", owner), ("--seller", seller), ("--buyer", buyer)):
            if value is not None and not desk:
                raise Invalid(flag, "is for the desk; you find your own claims without it")
        parties = {"seller": seller, "buyer": buyer} if desk else {reader.role.value: reader.id}
        now = self._records.clock()
        with self._records.begin() as conn:
            rows = claims.listed(
                conn,
                status=status,
                owner=owner,
                seller=parties.get("seller"),
                buyer=parties.get("buyer"),
                overdue_at=now if overdue else None,
                only_open=not everything and status not in ENDED,
                not_of=reader.id if desk else "",
                limit=limit,
            )
        return tuple(case_line(row, reader, now) for row in rows)

    def show(self, name: str, reader: Actor, *, claim: str = "") -> CaseView:
        """The claim of that number, or of that order, as `reader` may see it, with the address that goods go back to.

        A look of the desk at that address, and at a tracking number that somebody wrote, is recorded. Raises NotFound,
        for a stranger too, Refused where the order has several claims.
        """
        with self._records.begin() as conn:
            row = _chosen(cases.named(conn, name), name, reader, claim)
            found = cases.record(conn, self._records.vault, row)
        return self._view(found, reader)

    def say(self, name: str, by: Actor, score: int, comment: str, *, claim: str = "") -> CaseView:
        """A side says how its claim was handled, from 1, bad, to 5; up to the end of the window it may say otherwise.

        Raises NotFound, for a stranger too, Invalid, and Refused before the claim has ended and after the window.
        """
        if score not in SCORES:
            raise Invalid("--score", f"must be a whole number from 1 to 5, not {score}")
        check_text("--text", comment)
        if len(comment) > LONGEST:
            raise Invalid("--text", f"is longer than {LONGEST} characters")
        with self._records.begin() as conn:
            row = _chosen(cases.named(conn, name), name, by, claim)
            if by.role not in PARTIES:
                raise Refused("role_not_allowed", f"a {by.role} may not; that is for: buyer, seller")
            found = cases.record(conn, self._records.vault, row)
            now = self._now(found.updated_at)
            _check_window(wire.from_plain(Order, found.snapshot), row, by, now)
            feedback.put(conn, self._records.vault, row.order_id, row.claim_id, by, now, score, comment)
            given = feedback.of_claim(conn, self._records.vault, row.order_id, row.claim_id)
        return self._view(replace(found, feedback=given), by)

    def _view(self, found: CaseRecord, reader: Actor) -> CaseView:
        """The view, once what the reader sees in it of the address and of tracking numbers is on record."""
        now, claim = self._now(found.updated_at), claim_of(found)
        about = self._records.vault, found.row.order_id
        with self._records.begin() as conn:
            view = case_view(found, reader, now, return_address(conn, *about, claim, reader, now))
            look_at_words(conn, *about, texts_of(view), reader, now)
        return view

    def recurring(self, reader: Actor, *, everything: bool = False, limit: int = PAGE) -> tuple[RecurringRow, ...]:
        """Issues that recur, the one with most claims on top; with `everything` those whose ticket has ended too.

        None that has a claim of the reader's own. Raises Invalid for who is not of the desk.
        """
        check_desk(reader, "recurring issues")
        with self._records.begin() as conn:
            return recurring.listed(conn, only_open=not everything, not_of=reader.id, limit=limit)

    def parties(self, name: str) -> tuple[str, str]:
        """The ids of buyer and seller of the claim, or order, of that name. Raises NotFound."""
        with self._records.begin() as conn:
            found = cases.named(conn, name)
        if not found:
            raise _unknown(name)
        own = _best(found, name)
        return own[0].buyer, own[0].seller

    def _now(self, updated_at: datetime) -> datetime:
        """The present of the order, which may be ahead of ours."""
        return max(self._records.clock(), updated_at)


def check_desk(reader: Actor, what: str) -> None:
    """Raises Invalid for who is not of the desk, which alone has these."""
    if reader.role not in DESK:
        raise Invalid("--as", f"a {reader.role} has no {what}")


def _check_reader(reader: Actor) -> None:
    if reader.role not in PARTIES | DESK:
        raise Invalid("--as", f"a {reader.role} has no claims")


def _check_window(order: Order, row: ClaimRow, by: Actor, now: datetime) -> None:
    if row.ended_at is None:
        status = STATUS_WORDS[row.status]
        raise Refused("claim_open", f"claim {row.number} is '{status}'; it is asked for once the claim has ended")
    if may_say_until(order, row, by, now) is None:
        raise Refused("feedback_window", f"claim {row.number} ended more than {feedback_days(order, row)} days ago")


def _chosen(found: tuple[ClaimRow, ...], name: str, reader: Actor, claim: str) -> ClaimRow:
    """The claim that is meant, of those that the reader may see. Raises NotFound and Refused."""
    seen = tuple(row for row in found if may_see(reader, row.buyer, row.seller))
    fitting = [row for row in _best(seen, name) if claim in ("", row.claim_id)]
    if len(fitting) > 1:
        fitting = [row for row in fitting if row.ended_at is None] or fitting
    if not fitting:
        raise _unknown(name if not claim else f"{name} {claim}")
    if len(fitting) > 1:
        names = ", ".join(f"{row.number} ({STATUS_WORDS[row.status]})" for row in fitting)
        raise Refused("claim_unclear", f"order {name} has several claims: {names}; name one")
    return fitting[0]


def _best(found: tuple[ClaimRow, ...], name: str) -> tuple[ClaimRow, ...]:
    """A claim's number is meant before an order's id that looks like one."""
    return tuple(row for row in found if row.number == name) or found


def _unknown(name: str) -> NotFound:
    return NotFound(name, "claim")
