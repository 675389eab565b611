"""The embedded stack, and whole order lives played through it."""
