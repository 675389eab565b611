"""The way in: a typed client for the storefront's backend, and the command line ``aftersale``."""
