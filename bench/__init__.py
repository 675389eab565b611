"""How fast it is, always beside something simpler on the same machine: ``python -m bench`` prints one JSON document."""
