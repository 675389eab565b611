"""Lists of orders and of tickets read a page, not the table: an index for each filter, in the order of the list.

Orders that are not due, as all that are over, come last: the indexes hold them as due never. `orders_listed` serves
what `orders_open` did, as an open order is always due. Every step of an order writes to each of its indexes, so there
is one a filter, and the partial ones stay small.
"""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

BY_DUE = "coalesce(due_at, 'infinity'::timestamptz), order_id"
STATEMENTS = (
    "DROP INDEX orders_open, orders_waiting, orders_buyer, orders_seller",
    f"CREATE INDEX orders_listed ON orders ({BY_DUE}) WHERE seq > 0",
    f"CREATE INDEX orders_stage ON orders (stage, {BY_DUE})",
    f"CREATE INDEX orders_attention ON orders ({BY_DUE}) WHERE attention",
    f"CREATE INDEX orders_waiting ON orders (waiting_on, {BY_DUE}) WHERE status = 'open'",
    f"CREATE INDEX orders_buyer ON orders (buyer, {BY_DUE})",
    f"CREATE INDEX orders_seller ON orders (seller, {BY_DUE})",
    "CREATE INDEX tickets_owner ON tickets (owner, due, ticket_id) WHERE status = 'open'",
    "CREATE INDEX tickets_cause ON tickets (cause, due, ticket_id) WHERE status = 'open'",
)
BACK = (
    "DROP INDEX tickets_cause, tickets_owner",
    "DROP INDEX orders_listed, orders_stage, orders_attention, orders_waiting, orders_buyer, orders_seller",
    "CREATE INDEX orders_waiting ON orders (waiting_on, due_at) WHERE status = 'open'",
    "CREATE INDEX orders_open ON orders (due_at, order_id) WHERE status = 'open'",
    "CREATE INDEX orders_buyer ON orders (buyer)",
    "CREATE INDEX orders_seller ON orders (seller)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for statement in BACK:
        op.execute(statement)
