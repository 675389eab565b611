"""The durable half: deterministic, thin, and without knowledge of any command's name."""
