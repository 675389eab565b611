"""How the marketplace works, in figures: a seller's quality, and the flow of orders, tickets and claims."""
