"""The HTTP side of Aftersale: webhooks in."""
