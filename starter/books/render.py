"""The books on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType

from domain.money import Money
from starter.books.money import BookingView, MoneyView, OperationView
from starter.books.reader import Balances, TrialBalance
from starter.books.statement import CurrencyStatement, Statement
from starter.books.sums import NAMES
from starter.render import table, text, when, words


def money(view: MoneyView) -> RenderableType:
    """An order's money on one screen."""
    parts: list[RenderableType] = [text(f"Order {view.order_id}, money as the {view.seen_as} sees it", "bold")]
    if view.bookings:
        heads = ("when", "booked", "account", "debit", "credit", *(["in escrow"] if _with_escrow(view) else []))
        parts.append(table(heads, _entries(view)))
    else:
        parts.append(text("Nothing is booked."))
    if view.operations:
        parts.append(_operations(view.operations))
    parts.append(table(("sum", "of what", "amount"), ((s, NAMES[s], str(m)) for s, m in view.sums.items())))
    if view.adds_up is not None:
        parts.append(text("The sums add up." if view.adds_up else "THE SUMS DO NOT ADD UP.", "bold"))
    return Group(*parts)


def _with_escrow(view: MoneyView) -> bool:
    return any(booking.escrow is not None for booking in view.bookings)


def _entries(view: MoneyView) -> Iterator[tuple[str, ...]]:
    """One row per entry; the transaction is named with its first, what is in escrow after it with its last."""
    for booking in view.bookings:
        for i, entry in enumerate(booking.entries):
            row = (
                when(booking.at) if i == 0 else "",
                _title(booking, view.order_id) if i == 0 else "",
                entry.account,
                str(entry.amount) if entry.side == "debit" else "",
                str(entry.amount) if entry.side == "credit" else "",
            )
            last = i == len(booking.entries) - 1
            yield (*row, str(booking.escrow) if last else "") if booking.escrow is not None else row


def _title(booking: BookingView, order_id: str) -> str:
    number = "" if booking.number is None else f"#{booking.number} "
    where = "" if booking.order_id == order_id else f" of order {booking.order_id}"
    corrects = "" if booking.corrects is None else f", corrects #{booking.corrects}"
    return f"{number}{words(booking.verb)} {booking.seq}{where}{corrects}"


def _operations(operations: Iterable[OperationView]) -> RenderableType:
    return table(
        ("operation", "state", "asked for", "moved", "asked", "resolved", "key", "provider says"),
        (
            (
                f"{words(op.verb)} {op.seq}",
                op.state,
                str(op.amount),
                _amount(op.done),
                when(op.asked_at),
                when(op.resolved_at),
                op.key,
                op.ref or op.code,
            )
            for op in operations
        ),
    )


def _amount(money_: Money | None) -> str:
    return "" if money_ is None else str(money_)


def statement(answer: Statement) -> RenderableType:
    """A seller's statement, a table for each currency."""
    period = f"{when(answer.since)} to {when(answer.until)}"
    parts: list[RenderableType] = [text(f"Statement of seller {answer.seller}, {period}", "bold")]
    heads = ("when", "order", "movement", "gross", "fees", "paid out", "change", "balance")
    parts += [table(heads, _lines(part)) for part in answer.currencies]
    parts.append(text("A balance is what the platform owes the seller; below zero, what the seller owes."))
    return Group(*parts)


def _lines(part: CurrencyStatement) -> Iterator[tuple[str, ...]]:
    yield ("", "", "opening balance", "", "", "", "", str(part.opening))
    for line in part.lines:
        amounts = (line.gross, line.fees, line.paid_out, line.change, line.balance)
        yield (when(line.at), line.order_id, f"{words(line.verb)} {line.seq}", *map(str, amounts))
    moved = (part.gross, part.fees, part.paid_out, part.closing - part.opening)
    yield ("", "", "closing balance", *map(str, moved), str(part.closing))


def balances(answer: Balances) -> RenderableType:
    """Accounts by name, and what they come to together."""
    rows = [(each.account, str(each.amount)) for each in answer.balances]
    parts: list[RenderableType] = [table(("account", "balance"), rows)] if rows else []
    if answer.count > len(rows):
        parts.append(text(f"... and {answer.count - len(rows)} more; --limit shows more of them."))
    if answer.count != 1:
        parts.append(text("Together: " + ", ".join(map(str, answer.together)), "bold"))
    return Group(*parts)


def trial(answer: TrialBalance) -> RenderableType:
    """Both sides of the ledger."""
    rows = [
        (line.accounts, line.kind, _amount(line.debit), _amount(line.credit), "" if line.in_bounds else "OUT OF BOUNDS")
        for line in answer.lines
    ]
    sums = [("together", "", str(each.debit), str(each.credit), "") for each in answer.totals]
    verdict = "The ledger balances." if answer.balanced else "THE LEDGER DOES NOT BALANCE."
    return Group(table(("accounts", "kind", "debit", "credit", ""), [*rows, *sums]), text(verdict, "bold"))
