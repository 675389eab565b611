"""The rows of tickets, claims and messages, kept in step with their order."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from activities.store import personal
from activities.store.desk import attachments, claims, messages, tickets
from activities.store.desk.returns import check_return
from domain.contract import Ask
from domain.errors import Refused
from domain.events import AddressChanged, Event, EvidenceGiven, MessageSaid, ReturnInstructed
from domain.state import Actor, Order, Role


def follow(conn: Connection, ask: Ask, order: Order, happened: Sequence[Event]) -> None:
    """Write what the step `ask`, with all that `happened` in it, did to tickets, claims and messages.

    Raises Refused for a step that names a text, a file or an address that is not stored for those who are to read it.
    """
    _check_files(conn, order.order_id, happened)
    _check_address(conn, order, happened)
    _check_return(conn, order, ask.envelope.actor, happened)
    tickets.sync(conn, order.order_id, happened, ask.now)
    claims.sync(conn, order, ask.step, ask.envelope.actor.role.value, ask.now)
    messages.keep(conn, order, ask.seq, ask.now, ask.envelope.actor, happened)


def check_words(conn: Connection, ask: Ask) -> None:
    """Raises Refused unless the words that a person's command names are stored for this order, and that person's own.

    What a second operator approves names none: they were looked at when it was asked for. The provider writes nothing.
    """
    actor, note_id = ask.envelope.actor, ask.envelope.body.get("note_id")
    if not note_id or actor.role is Role.PROVIDER:
        return
    if not personal.has_note(conn, ask.order.order_id, str(note_id), actor):
        raise Refused(
            "note_unknown", f"order {ask.order.order_id} has no words of {actor.role} {actor.id} as {note_id}"
        )


def _check_address(conn: Connection, order: Order, happened: Sequence[Event]) -> None:
    for event in happened:
        match event:
            case AddressChanged(address_id) if not personal.has_address(conn, order.order_id, address_id, order.buyer):
                raise Refused("address_unknown", f"order {order.order_id} has no address {address_id}")
            case _:
                pass


def _check_return(conn: Connection, order: Order, actor: Actor, happened: Sequence[Event]) -> None:
    for event in happened:
        match event:
            case ReturnInstructed(_, address_id, label):
                check_return(conn, order, actor, address_id, label)
            case _:
                pass


def _check_files(conn: Connection, order_id: str, happened: Sequence[Event]) -> None:
    for event in happened:
        match event:
            case EvidenceGiven(_, files):
                unknown = attachments.missing(conn, order_id, files, desk=False)
            case MessageSaid(_, _, internal, files) if files:
                unknown = attachments.missing(conn, order_id, files, desk=internal)
            case _:
                unknown = ()
        if unknown:
            raise Refused("file_unknown", f"order {order_id} has no file {', '.join(unknown)} for its readers")
