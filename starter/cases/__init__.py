"""Claims on screen, what the sides thought of their handling, and what recurs."""
