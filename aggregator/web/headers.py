"""Headers that every answer carries: nothing of others is loaded, nothing of ours is framed."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
STATIC = "/static/"
NOT_KEPT = "no-store"
"""Of what says nothing else: on a tablet that people share, "back" shows nothing after signing out."""
ONLY_HTTPS = "max-age=31536000"


PRIVATE = "/o/"
"""Addresses below carry a secret: no other site is told them, and no search engine keeps them."""
PRIVATE_HEADERS = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}


def without_secret(path: str) -> str:
    """Return a path as it may stand in a log."""
    return f"{PRIVATE}…" if path.startswith(PRIVATE) else path


def make_safe(headers: MutableHeaders, scope: Scope) -> None:
    """Add what the answer to this request has to carry."""
    headers.update(HEADERS)
    if not scope["path"].startswith(STATIC):
        headers.setdefault("Cache-Control", NOT_KEPT)
    if scope["scheme"] == "https":
        headers["Strict-Transport-Security"] = ONLY_HTTPS
    if scope["path"].startswith(PRIVATE):
        headers.update(PRIVATE_HEADERS)


class SafetyHeaders:
    """ASGI middleware; it does not touch bodies, so streams pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers to an HTTP answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                make_safe(MutableHeaders(scope=message), scope)
            await send(message)

        await self._app(scope, receive, send_with_headers)
