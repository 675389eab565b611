"""The folds of an order, by what they are about; `domain/fold.py` puts them together."""
