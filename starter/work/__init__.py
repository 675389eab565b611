"""The specialist's day: the queue of tickets, one ticket, and what is done about it."""
