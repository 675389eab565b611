"""Documents for people, and the generator of those that the code itself can tell."""
