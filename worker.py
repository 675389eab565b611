"""A worker: settings in, real clients wired, worker, relay and publication started. Run as ``python -m worker``."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings
from sqlalchemy import Engine
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.carriers import CarrierDesk
from activities.logs import set_up
from activities.mail import EmlMailer, Mailer, SmtpMailer
from activities.notices import Letters
from activities.payments_desk import PaymentsDesk
from activities.perform import Performer
from activities.policies import keep_published, publish, read_policies
from activities.provider_poll import ProviderPoll as ProviderEvents
from activities.providers.carrier_port import Carrier
from activities.providers.easypost import EasyPostCarrier
from activities.providers.stripe import StripePayments
from activities.reconcile import Patience, Reconciler
from activities.recurring import RecurringIssues as IssueFinder
from activities.relay import Addresses, Relay
from activities.store.database import connect
from activities.store.vault import Vault
from activities.storefront import RowsOnly, WebhookStorefront
from activities.sweep import Sweeper
from domain.comparing.sweep import Rule
from domain.contract import RECONCILIATION, RECURRING, SWEEP, TASK_QUEUE
from domain.errors import Invalid
from starter.runs import Runs
from starter.settings import starting, temporal
from workflows.front import FrontDoor
from workflows.housekeeping import (
    CARRIER_POLL,
    PROVIDER_POLL,
    CarrierPoll,
    ProviderPoll,
    Reconciliation,
    RecurringIssues,
    Sweep,
)
from workflows.loop import OrderWorkflow

log = structlog.get_logger("worker")

OWN_CODE = ("domain", "workflows")
"""What every order shares instead of importing it anew. The tests run the same code in the sandbox of its own."""


class Settings(BaseSettings, hide_input_in_errors=True):
    """What a worker needs, by environment names. Temporal's own come from ``TEMPORAL_*`` and ``temporal.toml``."""

    database_url: SecretStr
    aftersale_master_key: SecretStr = Field(description="32 bytes, base64: wraps the keys of personal data")
    aftersale_command_key: SecretStr = Field(
        min_length=16, description="signs the commands of specialists and operators"
    )
    aftersale_policies: Path = Path("policies")
    aftersale_templates: Path = Path("templates")
    stripe_secret_key: SecretStr
    stripe_api_base: str = "https://api.stripe.com"
    easypost_api_key: SecretStr
    easypost_api_base: str = "https://api.easypost.com"
    easypost_webhook_secret: SecretStr
    smtp_url: SecretStr = Field(description="smtp://user:password@host:port, smtp+starttls://..., or eml:///directory")
    mail_from: str
    desk_mail: str
    desk_language: str = "en"
    storefront_webhook_url: str = ""
    storefront_webhook_secret: SecretStr = SecretStr("")
    log_level: str = "INFO"
    carrier_poll_hours: float = 6.0
    provider_poll_hours: float = 1.0
    reconcile_hours: float = 24.0
    reconcile_grace_hours: float = Field(default=6.0, description="younger money is not missed in the other book yet")
    sweep_hours: float = 1.0
    recurring_hours: float = Field(default=6.0, description="how often claims are looked through for recurring issues")
    sweep_restarts_stopped: bool = Field(
        default=False, description="restart also orders that somebody terminated or cancelled in the Temporal UI"
    )
    activity_threads: int = 32
    cached_orders: int = 2_000
    sticky_seconds: float = 10.0


def mailer(url_text: str) -> Mailer:
    """The mailer that `SMTP_URL` names. Raises ValueError for another scheme."""
    url = urlsplit(url_text)
    if url.scheme == "eml":
        return EmlMailer(Path(unquote(url.path)))
    if url.scheme not in {"smtp", "smtp+starttls"}:
        raise ValueError(f"SMTP_URL must begin with smtp://, smtp+starttls:// or eml://, not {url.scheme}://")
    return SmtpMailer(
        url.hostname or "localhost",
        url.port or (587 if url.scheme == "smtp+starttls" else 25),
        unquote(url.username or ""),
        unquote(url.password or ""),
        starttls=url.scheme == "smtp+starttls",
    )


def relay(settings: Settings, engine: Engine, vault: Vault, carrier: Carrier) -> Relay:
    """The relay of the outbox, wired. Without a storefront's URL its events stay as rows, readable and marked sent."""
    url, secret = settings.storefront_webhook_url, settings.storefront_webhook_secret.get_secret_value()
    return Relay(
        engine,
        vault,
        Letters(settings.aftersale_templates),
        mailer(settings.smtp_url.get_secret_value()),
        WebhookStorefront(url, secret) if url else RowsOnly(),
        carrier,
        Addresses(settings.mail_from, settings.desk_mail, settings.desk_language),
    )


async def schedule(client: Client, workflow: str, hours: float) -> None:
    """Make sure that a housekeeping workflow runs every so often; workers that start together make one schedule."""
    action = ScheduleActionStartWorkflow(workflow, id=workflow, task_queue=TASK_QUEUE)
    spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=hours))])
    try:
        await client.create_schedule(
            workflow, Schedule(action, spec, policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP))
        )
    except ScheduleAlreadyRunningError:
        log.info("it is scheduled already", workflow_type=workflow)


@dataclass(frozen=True)
class Outside:
    """The real clients that activities work with."""

    vault: Vault
    payments: StripePayments
    carrier: EasyPostCarrier


def activities_of(settings: Settings, client: Client, engine: Engine, outside: Outside) -> Sequence[Callable[..., Any]]:
    """Every activity, wired. Called in the loop that the worker runs in."""
    payments, command_key = outside.payments, settings.aftersale_command_key.get_secret_value().encode()
    performer = Performer(engine, outside.vault, payments, settings.aftersale_policies, command_key)
    parcels = CarrierDesk(engine, client, outside.carrier, "easypost")
    money = PaymentsDesk(engine, client, payments, "stripe", command_key)
    reconciler = Reconciler(engine, payments, Patience(grace=timedelta(hours=settings.reconcile_grace_hours)))
    rule = Rule(restarts_stopped=settings.sweep_restarts_stopped)
    return (
        performer.admit,
        performer.perform,
        performer.note_refusal,
        parcels.poll,
        ProviderEvents(engine, payments, "stripe", money.look).poll,
        reconciler.reconcile,
        Sweeper(engine, client, Runs(client).restart, asyncio.get_running_loop(), rule).sweep,
        IssueFinder(engine).find,
    )


def schedules(settings: Settings) -> Mapping[str, float]:
    """The housekeeping workflows, each with its hours between two runs."""
    return {
        CARRIER_POLL: settings.carrier_poll_hours,
        PROVIDER_POLL: settings.provider_poll_hours,
        RECONCILIATION: settings.reconcile_hours,
        SWEEP: settings.sweep_hours,
        RECURRING: settings.recurring_hours,
    }


def runner() -> SandboxedWorkflowRunner:
    """The sandbox as it is, but that no order imports our own rooms for itself: that costs more than its steps."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*OWN_CODE))


async def main() -> None:
    """Run until SIGTERM or SIGINT, then finish what is under way for up to 30 seconds."""
    settings = Settings()  # type: ignore[call-arg]  # from the environment
    set_up(settings.log_level)
    if not read_policies(settings.aftersale_policies):
        rule = f"{settings.aftersale_policies} has no policy (*.toml), so that every order would be turned away"
        raise Invalid("AFTERSALE_POLICIES", rule)
    engine = connect(settings.database_url.get_secret_value(), pool_size=settings.activity_threads)
    vault = Vault(settings.aftersale_master_key.get_secret_value())
    payments = StripePayments(settings.stripe_secret_key.get_secret_value(), url=settings.stripe_api_base)
    carrier = EasyPostCarrier(
        base_url=settings.easypost_api_base,
        api_key=settings.easypost_api_key.get_secret_value(),
        webhook_secret=settings.easypost_webhook_secret.get_secret_value(),
    )
    await asyncio.to_thread(publish, engine, settings.aftersale_policies)
    client = await Client.connect(**temporal())
    activities = activities_of(settings, client, engine, Outside(vault, payments, carrier))
    for workflow, hours in schedules(settings).items():
        await schedule(client, workflow, hours)

    stop, asked_to_stop = threading.Event(), asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, asked_to_stop.set)
    beside = (
        threading.Thread(
            target=relay(settings, engine, vault, carrier).run, args=(stop, lambda: datetime.now(UTC)), name="relay"
        ),
        threading.Thread(target=keep_published, args=(engine, settings.aftersale_policies, stop), name="marketplaces"),
    )
    for thread in beside:
        thread.start()
    try:
        with ThreadPoolExecutor(settings.activity_threads, thread_name_prefix="activity") as threads:
            async with Worker(
                client,
                task_queue=TASK_QUEUE,
                workflows=[OrderWorkflow, CarrierPoll, ProviderPoll, Reconciliation, RecurringIssues, Sweep],
                activities=activities,
                activity_executor=threads,
                workflow_runner=runner(),
                interceptors=[FrontDoor()],
                max_concurrent_activities=settings.activity_threads,
                max_cached_workflows=settings.cached_orders,
                sticky_queue_schedule_to_start_timeout=timedelta(seconds=settings.sticky_seconds),
                graceful_shutdown_timeout=timedelta(seconds=30),
            ):
                print("ready", flush=True)  # noqa: T201  # whoever started this process waits for the line
                await asked_to_stop.wait()
    finally:
        stop.set()
        for thread in beside:
            thread.join()
        engine.dispose()


if __name__ == "__main__":
    with starting("worker"):
        asyncio.run(main())
