"""PostgreSQL: orders and their story, operations, the ledger, tickets, the outbox and the sealed personal data."""
