"""What the desk and the parties work with beside the orders: claims, messages, files, tickets."""
