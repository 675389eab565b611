"""The outside world for demo and tests: providers played over HTTP in their own dialects, with faults on request.

Nothing here imports the product, and the product imports nothing from here: they meet on the wire alone.
"""
