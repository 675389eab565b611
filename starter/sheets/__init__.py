"""Sheets that people work in: claims, tickets and orders out, edited claims and tickets back in."""
