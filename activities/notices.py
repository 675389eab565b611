"""Notices in words: templates in files, per language, rendered when a mail is sent and never before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from activities.mail import Letter
from activities.store import outbox
from domain.business_time import Calendar
from domain.claims.case import Claim, Status, Wait, case_number
from domain.money import Money
from domain.notices import Facts, Notice, recipient
from domain.parcels.parcel import Parcel
from domain.purse import SHIPPING
from domain.state import LineState, Order, Role, Stage, in_state, stage
from domain.summary import mends, pressing
from domain.turns import Turn, turn_of
from domain.wire import instant
from domain.words import Words, in_language
from domain.words.written import quoted

if TYPE_CHECKING:
    from pathlib import Path

SHOWS_NUMBER: Final = frozenset({("ship", Role.BUYER), ("secured", Role.SELLER)})
"""The only mails that carry a tracking number: the buyer's, and the seller's own copy."""

SHOWS_TEXT: Final = frozenset({"message", "claim"})
"""The mails that carry what a person wrote."""

SHOWS_ADDRESS: Final = frozenset({("claim", Role.BUYER), ("remind_claim", Role.BUYER)})
"""The only mails with an address: the one that the buyer sends goods back to, while they are to be sent."""

_FALLBACK: Final = "en"
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
_BLANK_LINES: Final = re.compile(r"\n{3,}")
_SELF_EVIDENT: Final = frozenset({"settle", "place", "pay"})
_DUTY_CLOCKS: Final = frozenset(
    {
        "expire_unpaid", "confirm_overdue", "confirm_lapses", "ship_overdue", "ship_lapses",
        "accept_on_strong_proof", "accept_on_weak_proof", "receipt_overdue",
    }
)  # fmt: skip
"""Clocks whose ringing the duty of the order's stage prevents; others press for something of their own."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a mail is for. `language` is a BCP 47 tag; one without templates is written to in English."""

    role: Role
    name: str = field(default="", repr=False)
    language: str = _FALLBACK


def outbox_rows(order: Order, seq: int, notices: Iterable[Notice]) -> list[outbox.Notice]:
    """Notices as rows for the outbox, each with the opaque id of its recipient."""
    return [
        outbox.Notice(
            order_id=order.order_id,
            seq=seq,
            cause=notice.cause,
            recipient_role=notice.to.value,
            recipient_id=recipient(order, notice.to),
            channel=notice.channel.value,
            template=notice.template,
            context=dict(notice.context),
            due_at=notice.due,
            valid_until=notice.valid_until,
        )
        for notice in notices
    ]


class Letters:
    """The templates under `directory`, one folder per language; a mail whose text is missing in one is wholly English.

    What the code itself says in a language stands in `domain.words`; for one that is not there it speaks English.
    `TEMPLATE.ROLE.txt` has the subject in its first line; `_frame.txt` or, for the desk, `_desk.txt` goes around it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def render(
        self,
        template: str,
        facts: Facts,
        reader: Reader,
        order: Order,
        number: str | None = None,
        text: str = "",
        by: Role | None = None,
        address: tuple[str, ...] = (),
    ) -> Letter:
        """The mail about `order` as it is now. `number` is the parcel's tracking number, for those who may see it.

        `text` is what a person wrote, one of the role `by` for a claim, and `address` are the lines that goods go back
        to; both are quoted, so that no words of his can pass for the marketplace's.

        Raises jinja2.TemplateError for a template that is missing or asks for what it may not know.
        """
        file = f"{template}.{reader.role.value}.txt"
        language = _language(reader.language)
        if not (self._directory / language / file).is_file():
            language = _FALLBACK
        environment = _environment(self._directory, language)
        words = _words(facts, reader, order, in_language(language))
        if (template, reader.role) in SHOWS_NUMBER:
            words["number"] = number or ""
        if template in SHOWS_TEXT:
            words |= {"text": "\n".join(quoted(text)), "by": by}
        if (template, reader.role) in SHOWS_ADDRESS:
            words["address"] = "\n".join(quoted("\n".join(address)))
        rendered = environment.get_template(file).render(words)
        subject, _, body = rendered.partition("\n")
        frame = "_desk.txt" if reader.role is Role.SPECIALIST else "_frame.txt"
        whole = environment.get_template(frame).render(words, body=body.strip())
        return Letter(_one_line(subject), _BLANK_LINES.sub("\n\n", whole).strip() + "\n")


@lru_cache
def _environment(directory: Path, language: str) -> Environment:
    folders = [directory / language, directory / _FALLBACK]
    # Mails are plain text, where escaping for HTML would only spoil the words.
    return Environment(loader=FileSystemLoader(folders), undefined=StrictUndefined, autoescape=False)  # noqa: S701


def _language(tag: str) -> str:
    found = _LANGUAGE.match(tag.lower())
    return found[0] if found else _FALLBACK


def _words(facts: Facts, reader: Reader, order: Order, tongue: Words) -> dict[str, Any]:
    """What every template may use."""
    step, parcel_id, ticket_id, command, code, reason, why = (
        str(facts.get(name, "")) for name in ("step", "parcel_id", "ticket_id", "command", "code", "reason", "why")
    )
    ticket = order.ticket(ticket_id)
    claim = order.claim(str(facts.get("claim_id", "")))
    return {
        "order": order,
        "facts": facts,
        "name": _one_line(reader.name),
        "marketplace": order.policy.display_name or order.policy.name,
        "items": _items(order, tongue),
        "time": _time(_calendar(order, reader.role), tongue),
        "amount": lambda money: tongue.amount(Money.parse(money) if isinstance(money, str) else money),
        "hours": lambda span: span // timedelta(hours=1),
        "next": next_sentence(order, reader.role, tongue, claim),
        "happened": "" if step in _SELF_EVIDENT else tongue.happened.get(step, ""),
        "expect": {stage: tongue.expectation(text) for stage, text in asdict(order.policy.expect).items()},
        "command": tongue.command(command),
        "reason": tongue.reason(code, reason),
        "why": tongue.dispute(why),
        "pending": facts.get("stage") == Stage.PLACED,
        "confirmed": [line.line_id for line in in_state(order.lines, (LineState.CONFIRMED,))],
        "parcel": _on_lines(order.parcel(parcel_id)),
        "ticket": ticket,
        "mends": mends(order, ticket, tongue.alternative) if ticket is not None else "",
        "claim": claim,
        "case_number": case_number(order.order_id, claim.claim_id) if claim is not None else "",
        "status": tongue.status[claim.status] if claim is not None else "",
    }


def _items(order: Order, tongue: Words) -> Callable[..., str]:
    def row(what: str, price: Money) -> str:
        return f"- {what}, {tongue.amount(price)}"

    def items(ids: Iterable[str] | None = None) -> str:
        """Lines as a list, one a row; without ids all that are not cancelled or refunded."""
        chosen = [line.line_id for line in order.live or order.lines] if ids is None else list(ids)
        rows = [row(f"{li.quantity} x {_one_line(li.title)}", li.price) for li in order.lines if li.line_id in chosen]
        return "\n".join([*rows, row(tongue.shipping, order.shipping)] if SHIPPING in chosen else rows)

    return items


def _time(calendar: Calendar, tongue: Words) -> Callable[[str | datetime], str]:
    return lambda at: tongue.time(calendar, instant(at) if isinstance(at, str) else at)


def _calendar(order: Order, role: Role) -> Calendar:
    calendars: Mapping[Role, Calendar] = {Role.BUYER: order.buyer_calendar, Role.SELLER: order.seller_calendar}
    return calendars.get(role, order.desk_calendar)


def next_sentence(order: Order, role: Role, tongue: Words, claim: Claim | None = None) -> str:
    """Who acts next, until when in the reader's local time, and what happens otherwise; "" when nobody has to.

    A mail about an open `claim` tells this of the claim, whatever else of the order is due before.
    """
    turn = turn_of(order, claim) if claim is not None else None
    if claim is None or turn is None:
        return _next_of_order(order, role, tongue)
    lines = ", ".join(_one_line(line.title) for line in turn.at_bank)
    held = tongue.claim_waits[Wait.BANK].format(lines=lines) if lines else ""
    following = "" if turn.waits is Wait.BANK else _next_of_claim(order, claim, turn, role, tongue)
    return " ".join(filter(None, (held, following)))


def _next_of_claim(order: Order, claim: Claim, turn: Turn, role: Role, tongue: Words) -> str:
    until = tongue.time(_calendar(order, role), turn.due) if turn.due is not None else ""
    if turn.clock is None:
        return tongue.claim_waits[turn.waits].format(until=until)
    return tongue.next_of_claim(turn.who, role, claim, turn.clock.step, until)


def _next_of_order(order: Order, role: Role, tongue: Words) -> str:
    clock = next((c for c in pressing(order) if c.who in (Role.BUYER, Role.SELLER, Role.CARRIER)), None)
    if clock is None:
        return ""
    until = tongue.time(_calendar(order, role), clock.at)
    claim = order.claim(clock.subject) if clock.tier.startswith("claim:") else None
    if claim is not None:
        return tongue.next_of_claim(clock.who, role, claim, clock.step, until)
    at_stage = stage(order) if clock.step in _DUTY_CLOCKS else None
    return tongue.next(clock.who, role, at_stage, clock.step, until)


def goes_back_to(facts: Facts, order: Order) -> str:
    """The id of the address to which a mail's claim has the buyer send goods back now; "" for none."""
    claim = order.claim(str(facts.get("claim_id", "")))
    return claim.return_to if claim is not None and claim.status is Status.RETURN_REQUESTED else ""


def _on_lines(parcel: Parcel | None) -> Parcel | None:
    """A parcel whose seller's words stay on their line; parcels of before were not held to it."""
    if parcel is None:
        return None
    return replace(parcel, carrier=_one_line(parcel.carrier), service=_one_line(parcel.service))


def _one_line(text: str) -> str:
    return " ".join(text.split())
