"""The evidence pack: all that is known of one order, in one file for a bank or an arbiter."""
