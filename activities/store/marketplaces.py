"""The marketplaces that workers serve, as their policy files said when they were last read."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from activities.store.tables import marketplaces
from domain.policy import Policy


def publish(conn: Connection, policies: Iterable[Policy]) -> None:
    """Make these policies known, each under its name; one that stands there already is not written again.

    Nothing is taken back: what only an older worker serves is not unknown, and an admission judges it.
    """
    rows = [{"name": policy.name, "policy": policy.to_plain()} for policy in sorted(policies, key=lambda p: p.name)]
    if not rows:
        return
    fresh = insert(marketplaces).values(rows)
    conn.execute(
        fresh.on_conflict_do_update(
            index_elements=["name"],
            set_={"policy": fresh.excluded.policy},
            where=marketplaces.c.policy != fresh.excluded.policy,
        )
    )


def policy_of(conn: Connection, name: str) -> Policy | None:
    """The policy of that marketplace, None for one that no worker has published."""
    plain = conn.execute(select(marketplaces.c.policy).where(marketplaces.c.name == name)).scalar_one_or_none()
    return None if plain is None else Policy.from_plain(plain)


def names(conn: Connection) -> tuple[str, ...]:
    """All that were published, sorted; none before the first worker has started."""
    return tuple(sorted(conn.execute(select(marketplaces.c.name)).scalars()))
