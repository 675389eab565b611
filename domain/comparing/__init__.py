"""Our records beside the world: the ledger and the provider's book, the rows and the workflows."""
