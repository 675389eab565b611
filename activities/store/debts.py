"""What sellers owe: reserved for releases that will pay it, and for the reversal of what was paid out.

The ledger's receivables are the truth. What a pending release, reversal or write-off will pay is set aside, so that
nothing is paid twice; whoever sets aside holds the seller's lock until commit.
"""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, text, update

from activities.store import ledger
from activities.store.tables import nettings
from domain.accounts import receivable_account
from domain.money import Money, payable_part
from domain.state import MoneyOp, Order

Netted = tuple[tuple[str, Money], ...]
"""How much pays what is owed for which order."""

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('debts:' || :seller, 0))")

_OWED = text(
    """
    WITH owed AS (
        SELECT substr(account, length(:prefix) + 1) AS debtor, min(transaction_id) AS since,
            sum(CASE side WHEN 'debit' THEN amount_minor ELSE -amount_minor END) AS minor
        FROM ledger_entries WHERE starts_with(account, :prefix) AND currency = :currency GROUP BY account
    ), aside AS (
        SELECT debtor, amount_minor FROM nettings
        WHERE seller = :seller AND state = 'pending' AND currency = :currency
        UNION ALL
        SELECT order_id, amount_minor FROM operations
        WHERE state = 'pending' AND verb IN ('reverse_release', 'write_off') AND currency = :currency
            AND order_id IN (SELECT debtor FROM owed)
    )
    SELECT debtor, minor - coalesce((SELECT sum(amount_minor) FROM aside WHERE aside.debtor = owed.debtor), 0) AS minor
    FROM owed WHERE minor > 0 ORDER BY since, debtor
    """
)


def reserve(conn: Connection, order: Order, op: MoneyOp) -> Netted:
    """Set aside what of the release `op` pays the seller's debts, the oldest first. Written down with the release."""
    if not _owed(conn, order):
        return ()
    conn.execute(_LOCK, {"seller": order.seller})
    left, netted = op.amount, []
    for debtor, amount in _owed(conn, order):
        # A release that is less by what no provider can pay would be refused as a whole.
        part = payable_part(min(left, amount))
        if part:
            netted.append((debtor, part))
            left -= part
    rows = [
        {
            "order_id": order.order_id,
            "seq": op.seq,
            "debtor": debtor,
            "seller": order.seller,
            "amount_minor": part.minor,
            "currency": part.currency,
        }
        for debtor, part in netted
    ]
    if rows:
        conn.execute(insert(nettings), rows)
    return tuple(netted)


def reserved(conn: Connection, order_id: str, seq: int) -> Netted:
    """What the release of that sequence was written down to pay."""
    mine = (nettings.c.order_id == order_id, nettings.c.seq == seq)
    rows = conn.execute(select(nettings.c.debtor, nettings.c.amount_minor, nettings.c.currency).where(*mine))
    return tuple((row.debtor, Money(row.amount_minor, row.currency)) for row in rows)


def settle(conn: Connection, order_id: str, seq: int, *, done: bool) -> None:
    """The release was made, or will never be: what it had set aside is paid, or owed as before."""
    mine = (nettings.c.order_id == order_id, nettings.c.seq == seq, nettings.c.state == "pending")
    conn.execute(update(nettings).where(*mine).values(state="done" if done else "void"))


def collectable(conn: Connection, order: Order) -> Money:
    """What is owed for this very order and set aside by nobody. Holds the seller's lock until commit."""
    conn.execute(_LOCK, {"seller": order.seller})
    return dict(_owed(conn, order)).get(order.order_id, Money.zero(order.currency))


def owed(conn: Connection, order: Order) -> Money:
    """What is owed for this very order by the ledger, also where it is set aside."""
    return -ledger.balance(conn, receivable_account(order.seller, order.order_id), order.currency)


def _owed(conn: Connection, order: Order) -> Netted:
    prefix = receivable_account(order.seller, "")
    found = conn.execute(_OWED, {"prefix": prefix, "seller": order.seller, "currency": order.currency})
    return tuple((row.debtor, Money(int(row.minor), order.currency)) for row in found if row.minor > 0)
