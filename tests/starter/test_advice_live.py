from __future__ import annotations

from domain.state import Role
from starter.answers import seller
from starter.client import AftersaleClient
from tests.marketplace import Marketplace
from tests.starter.test_client_live import placed


async def test_a_number_that_looks_wrong_is_taken_with_advice_that_does_not_repeat_it(
    client: AftersaleClient, market: Marketplace
) -> None:
    mistyped = "1Z5R89390357567128"
    for number, word in ((mistyped, "check digit is wrong"), ("1Z5R89390357567127", "check digit is right")):
        life = await placed(client, market)
        by = seller(life.actor(Role.SELLER).id)
        await client.confirm(life.order_id, by)
        shipped = await client.ship(life.order_id, by, carrier="UPS", tracking_number=number, wait=20)
        assert shipped.payment == "secured", "advice is never a gate"
        assert word in shipped.advice
        assert number not in shipped.advice
    unknown = await placed(client, market)
    by = seller(unknown.actor(Role.SELLER).id)
    await client.confirm(unknown.order_id, by)
    shipped = await client.ship(unknown.order_id, by, carrier="Pony Express", tracking_number="PX-1860")
    assert "cannot check numbers of this carrier" in shipped.advice
