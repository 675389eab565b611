"""The business of an order after checkout: pure, standard library only, no clock and no I/O."""
