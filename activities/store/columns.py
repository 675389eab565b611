"""The columns that many tables have."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, MetaData, Text

metadata = MetaData()


def id_column(name: str = "id") -> Column[int]:
    """A number that PostgreSQL gives: the primary key."""
    return Column(name, BigInteger, Identity(always=True), primary_key=True)


def text_column(name: str, default: str | None = None) -> Column[str]:
    """A text, never null."""
    return Column(name, Text, nullable=False, server_default=default)


def time_column(name: str, *, nullable: bool = False) -> Column[object]:
    """A moment, with its offset."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def order_column() -> Column[str]:
    """The order that a row is of."""
    return Column("order_id", ForeignKey("orders.order_id"), nullable=False)
