"""One OPC UA session: settings in, a connected client out; every failure becomes one sentence with a cure."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator

from asyncua import Client, ua
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from agent.errors import LinkError

from .credentials import sign_in
from .settings import Settings

CLOSE_S = 1.0
SESSION_TIMEOUT_MS = 60_000  # the default of one hour fills small servers with dead sessions after crashes
NO_PROBES_S = 86_400.0  # the driver's own reads prove the link

CURES: dict[type[Exception], str] = {
    ConnectionRefusedError: "nothing listens there, check the port and that the OPC UA server is switched on",
    socket.gaierror: "the host's name is unknown, check the url or use the address",
    ua.uaerrors.BadUserAccessDenied: "the server refuses this user, check username and password_file",
    ua.uaerrors.BadIdentityTokenRejected: "the server refuses this user, check username and password_file",
    ua.uaerrors.BadIdentityTokenInvalid: "the server wants a user, set username and password_file",
    ua.uaerrors.BadTooManySessions: "the server has no free session, close other clients or wait a minute",
    ua.uaerrors.BadTcpEndpointUrlInvalid: "the server does not know this endpoint, check the path in the url",
    ua.uaerrors.BadSecurityPolicyRejected: "the server wants encryption, allow security policy None on it",
    AssertionError: "the server rejected this client's certificate, trust it on the server",
    ConnectionError: "the server closed the connection",
    TimeoutError: "no answer in time, check host, cable and firewall",
}
"""What to do about it, by error; the first that fits counts."""


@contextlib.asynccontextmanager
async def session(settings: Settings) -> AsyncIterator[Client]:
    """Hold one session; whatever goes wrong in it is a LinkError. Nothing is left running after it."""
    _leave_logging_to_the_link()
    client = _client(settings)
    try:
        async with asyncio.timeout(3 * settings.timeout_s):
            await sign_in(client, settings)
            await client.connect()
        yield client
    except LinkError as error:
        raise LinkError(f"OPC UA {settings.url}: {error}") from error
    except (OSError, AssertionError, UaError) as error:
        raise LinkError(explain(error, settings.url)) from error
    finally:
        await _close(client)


def explain(error: Exception, url: str) -> str:
    """Return one sentence that names the server and, where it is known, the cure."""
    for kind, cure in CURES.items():
        if isinstance(error, kind):
            return f"OPC UA {url}: {cure}"
    if isinstance(error, UaStatusCodeError):
        return f"OPC UA {url}: {ua.StatusCode(error.code).name} ({ua.StatusCode(error.code).doc})"
    if "No matching endpoints" in str(error):
        return f"OPC UA {url}: the server offers only encryption, allow security policy None on it"
    return f"OPC UA {url}: {error or type(error).__name__}"


def _client(settings: Settings) -> Client:
    client = Client(settings.url, timeout=settings.timeout_s, watchdog_intervall=NO_PROBES_S)
    client.name = client.description = "machikoba-agent"
    client.session_timeout = SESSION_TIMEOUT_MS
    return client


async def _close(client: Client) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            await client.disconnect()
    client.disconnect_socket()
    await asyncio.sleep(0)  # lets the transport close its socket


def _leave_logging_to_the_link() -> None:
    """Silence asyncua, which logs every attempt; the link logs the first failure and the recovery."""
    library = logging.getLogger("asyncua")
    if not library.isEnabledFor(logging.DEBUG):
        library.setLevel(logging.CRITICAL + 1)
