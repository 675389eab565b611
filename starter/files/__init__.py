"""Files of an order: handed in, listed, handed out."""
