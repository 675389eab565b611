"""People and addresses are stored for each order, and so is a mail that came back: no other checkout changes them.

Looks of the desk at an address are on record as those at a tracking number are.

What is sealed stays as it is: it is bound to the person, or to the address, whichever order it stands under.
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

OF_ORDERS = """
    SELECT order_id, buyer AS person_id, claimed_at FROM orders WHERE status <> 'refused'
    UNION ALL
    SELECT order_id, seller, claimed_at FROM orders WHERE status <> 'refused'
"""

UPGRADE = (
    "ALTER TABLE people ADD COLUMN order_id text, ADD COLUMN at timestamptz NOT NULL DEFAULT now()",
    "ALTER TABLE people DROP CONSTRAINT people_pkey",
    f"""
    INSERT INTO people (order_id, person_id, at, sealed)
    SELECT theirs.order_id, person_id, theirs.claimed_at, sealed FROM people JOIN ({OF_ORDERS}) theirs USING (person_id)
    """,  # noqa: S608  # our own words
    "DELETE FROM people WHERE order_id IS NULL",
    "ALTER TABLE people ADD PRIMARY KEY (order_id, person_id)",
    "CREATE INDEX people_person ON people (person_id, at)",
    "ALTER TABLE addresses ADD COLUMN order_id text",
    "ALTER TABLE addresses DROP CONSTRAINT addresses_pkey",
    """
    INSERT INTO addresses (order_id, address_id, person_id, sealed)
    SELECT o.order_id, a.address_id, a.person_id, a.sealed FROM addresses a JOIN orders o ON o.buyer = a.person_id
    WHERE o.status <> 'refused' AND a.address_id IN (o.checkout ->> 'address_id', o.snapshot ->> 'address_id')
    """,
    "DELETE FROM addresses WHERE order_id IS NULL",
    "ALTER TABLE addresses ADD PRIMARY KEY (order_id, address_id)",
    "ALTER TABLE bounces ADD COLUMN order_id text",
    "ALTER TABLE bounces DROP CONSTRAINT bounces_pkey",
    f"""
    INSERT INTO bounces (order_id, person_id, at, code, fingerprint)
    SELECT theirs.order_id, person_id, at, code, fingerprint FROM bounces JOIN ({OF_ORDERS}) theirs USING (person_id)
    """,  # noqa: S608  # our own words
    "DELETE FROM bounces WHERE order_id IS NULL",
    "ALTER TABLE bounces ADD PRIMARY KEY (order_id, person_id)",
    "ALTER TABLE looks ADD COLUMN address_id text NOT NULL DEFAULT ''",
)

DOWNGRADE = (
    "ALTER TABLE looks DROP COLUMN address_id",
    """
    DELETE FROM bounces a USING bounces b
    WHERE a.person_id = b.person_id AND (a.at, a.order_id) < (b.at, b.order_id)
    """,
    "ALTER TABLE bounces DROP COLUMN order_id, ADD PRIMARY KEY (person_id)",
    "DELETE FROM addresses a USING addresses b WHERE a.address_id = b.address_id AND a.order_id < b.order_id",
    "ALTER TABLE addresses DROP COLUMN order_id, ADD PRIMARY KEY (address_id)",
    "DELETE FROM people a USING people b WHERE a.person_id = b.person_id AND (a.at, a.order_id) < (b.at, b.order_id)",
    "ALTER TABLE people DROP COLUMN order_id, DROP COLUMN at, ADD PRIMARY KEY (person_id)",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
