"""Seeded bugs: one-line changes in the code of money, process and access, each of which the suite must notice."""
