"""The books as people read them: an order's money, a seller's statement, balances, and sheets for other programs."""
