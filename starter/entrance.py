"""What a storefront can know of a checkout that nobody will admit, before anything is started.

The same rules as the admission's, on what the workers have published. The admission still judges every order: what only
the payment provider knows, and whatever came past this client (docs/decisions/0009-who-turns-a-checkout-away.md).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from activities import calendars
from activities.store import marketplaces
from activities.store.tables import orders
from domain.checkout import Checkout
from domain.errors import Invalid
from domain.policy import Policy
from domain.policy.file import load


def policy_of(text: str, source: str) -> Policy:
    """The policy in a file's `text`, judged as a worker judges it; raises PolicyError, naming line and rule."""
    return calendars.checked(load(text, source), text, source)


def check(conn: Connection, checkout: Checkout, now: datetime) -> None:
    """Raises Invalid, naming the field and its rule, for a marketplace or a calendar that is not known.

    As long as no worker has published a marketplace, nothing is known and nothing is turned away.
    """
    policy = served(conn, checkout.marketplace)
    if policy is not None:
        calendars.of_parties(policy.calendar, checkout, now)


def served(conn: Connection, name: str) -> Policy | None:
    """The policy of that marketplace as its workers published it; None while no worker has published any.

    Raises Invalid for one that none of them serves.
    """
    policy = marketplaces.policy_of(conn, name)
    if policy is None and (known := marketplaces.names(conn)):
        raise Invalid("marketplace", f"{name!r} is not known; known here: {', '.join(known)}")
    return policy


def check_marketplace(conn: Connection, name: str) -> None:
    """Raises Invalid for a name that no marketplace has and no order was placed under; "" is all of them.

    As above, nothing is turned away as long as nothing was published.
    """
    if not name or name in (known := marketplaces.names(conn)) or not known:
        return
    if not conn.scalar(select(select(orders).where(orders.c.marketplace == name).exists())):
        raise Invalid("--marketplace", f"{name!r} is not known; known here: {', '.join(known)}")
