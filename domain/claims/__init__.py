"""Claims: what is known of one, and what each of its steps does. `domain/claim.py` has the table."""
