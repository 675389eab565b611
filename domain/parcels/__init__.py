"""Parcels: how they are sent, what carriers tell of them, and what several of one line are to each other."""
