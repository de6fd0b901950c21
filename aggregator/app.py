"""`machikoba serve`: settings in; ingest, store, pages and API as one process until told to stop."""

import argparse
import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import uvicorn
from fastapi import FastAPI

from agent.contract.tls import TlsError, client_context
from aggregator.alerting.delivery import Delivery, sendings_of
from aggregator.alerting.watching import watch_orders
from aggregator.clock import now_ms
from aggregator.config import Config, from_arguments
from aggregator.config import add_arguments as add_config_arguments
from aggregator.errors import AggregatorError, ConfigError
from aggregator.faces import create_faces
from aggregator.homes import open_home, results_of
from aggregator.ingest.ingest import Ingest
from aggregator.ingest.subscriber import read_password
from aggregator.logs import log_to_stderr
from aggregator.results.recorder import Recorder
from aggregator.services import Services, make_services
from aggregator.store.database import open_engine
from aggregator.store.migration import migrate
from aggregator.store.records import Records
from aggregator.web.alert_letter import letter_of
from aggregator.work.foreman import Foreman
from aggregator.work.retagging import Retagger
from aggregator.work.tagger import Tagger

logger = logging.getLogger(__name__)

REST_S = 30.0
"""So long a task rests that broke."""
STOP_WITHIN_S = 3
"""So long open requests may take to end once we are told to stop."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `machikoba serve`."""
    add_config_arguments(parser)
    parser.epilog = "A flag wins over the environment (MACHIKOBA_WEB__PORT=8001), that over the file."


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; raises AggregatorError in one sentence when it cannot start."""
    log_to_stderr()
    asyncio.run(serve(from_arguments(arguments)))
    return 0


async def serve(config: Config) -> None:
    """Serve until SIGTERM or SIGINT; raises AggregatorError when it cannot start."""
    with _listen(config) as listening:
        app = create_app(config)
        # Entered here and not by uvicorn, so that what is wrong comes out as one sentence.
        async with app.router.lifespan_context(app):
            logger.info("serving on http://%s:%d", config.web.host, config.web.port)
            server = Server(app, config.web.proxies)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, server.handle_exit)  # uvicorn raises the signal again at its end
            await server.serve(sockets=[listening])
    logger.info("stopped")


def create_app(config: Config) -> FastAPI:
    """Return the application; its lifespan opens the store and receives until it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with receiving(config) as services:
            app.state.services = services
            yield

    return create_faces(config, lifespan)


@asynccontextmanager
async def receiving(config: Config) -> AsyncIterator[Services]:
    """Open the store and receive into it; raises AggregatorError when that cannot begin."""
    _check_password(config)
    _check_tls(config)
    engine = open_engine(config.database_url)
    try:
        await asyncio.to_thread(migrate, engine)
        timeseries, records = open_home(config, engine), Records(engine)
        services = make_services(config, timeseries, records)
        tagger = Tagger(services.work.ledgers)
        foreman = foreman_of(services, tagger)
        ingest = Ingest(config, timeseries, records, services.board, services.status, now=now_ms, tags=tagger)
        async with asyncio.TaskGroup() as tasks:
            started = [
                tasks.create_task(services.measurements.run(), name="measurements"),
                tasks.create_task(steadily("measured days", services.days.run), name="measured days"),
                tasks.create_task(steadily("spare hours", services.spare.run), name="spare hours"),
                tasks.create_task(steadily("order book", services.order_book.run), name="order book"),
                tasks.create_task(steadily("results", recorder_of(services).run), name="results"),
                tasks.create_task(steadily("alerts", partial(watch, services)), name="alerts"),
                tasks.create_task(steadily("messages", delivery_of(services).run), name="messages"),
                tasks.create_task(steadily("work", partial(foreman.run, ingest)), name="work"),
                tasks.create_task(
                    steadily("certificates", partial(certificates, services)), name="certificates"
                ),
                tasks.create_task(ingest.run(), name="ingest"),
            ]
            try:
                yield services
            finally:
                services.order_book.close()
                services.board.close()
                for task in started:
                    task.cancel()
    finally:
        engine.dispose()


def foreman_of(services: Services, tagger: Tagger) -> Foreman:
    """Return who follows the work that incoming records are tagged for."""
    return Foreman(
        work=services.work,
        tagger=tagger,
        retagger=Retagger(services.work.ledgers, services.timeseries, services.now),
        days=services.days,
        board=services.board,
        now=services.now,
    )


def recorder_of(services: Services) -> Recorder:
    """Return what writes results back to where dashboards read them."""
    return Recorder(
        results=results_of(services.timeseries),
        timeseries=services.timeseries,
        records=services.records,
        board=services.board,
        spare=services.spare,
        order_book=services.order_book,
        zone=services.config.zone,
        now=services.now,
    )


async def watch(services: Services) -> None:
    """Watch orders for the chance of being late."""
    await watch_orders(services.alerts, services.order_book.orders, services.order_book.find)


async def certificates(services: Services) -> None:
    """Watch for certificates that end."""
    from aggregator.enrolment.watching import watch_certificates  # the library costs 15 MB

    await watch_certificates(services.config, services.status, services.now)


def delivery_of(services: Services) -> Delivery:
    """Return what sends the messages of alerts."""
    sendings = sendings_of(services.config.alerts)
    return Delivery(services.alerts.store, sendings, partial(letter_of, services), services.now)


async def steadily(name: str, run: Callable[[], Awaitable[None]], rest_s: float = REST_S) -> None:
    """Run it, and again after a rest when it breaks: a mistake in a sum never ends receiving and storing."""
    while True:
        try:
            return await run()
        except Exception:  # the boundary of a task
            logger.exception("%s: broke; the old figures stay, begins again in %g s", name, rest_s)
            await asyncio.sleep(rest_s)


class Server(uvicorn.Server):
    """Ends streams to pages as soon as it is told to stop; uvicorn would wait for the last reader.

    `proxies` (addresses and networks) are believed who asks.
    """

    def __init__(self, app: FastAPI, proxies: str) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                forwarded_allow_ips=proxies,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=STOP_WITHIN_S,
            )
        )
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        services: Services = self._app.state.services
        services.order_book.close()
        services.board.close()
        await super().shutdown(sockets)


def _listen(config: Config) -> socket.socket:
    host, port = config.web.host, config.web.port
    try:
        return socket.create_server((host, port), family=_family(host), backlog=512)
    except OSError as error:
        raise AggregatorError(
            f"web.port: cannot serve on {host}:{port}: {error.strerror}; stop the program that uses it, "
            "or choose another port"
        ) from error


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _check_password(config: Config) -> None:
    file = config.mqtt.password_file
    try:
        read_password(config)
    except OSError as error:
        raise ConfigError(f"mqtt.password_file: {file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"mqtt.password_file: {file}: is not UTF-8 text") from error


def _check_tls(config: Config) -> None:
    try:
        if config.mqtt.tls is not None:
            client_context(config.mqtt.tls)
    except TlsError as error:
        raise ConfigError(str(error)) from error
