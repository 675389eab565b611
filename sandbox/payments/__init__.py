"""A payment provider in Stripe's dialect: manual-capture intents, transfers, refunds, idempotency keys, webhooks."""
