"""HEAD: answered like GET, without the body; link checkers, proxies and monitors ask so."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """ASGI middleware; the answer ends with its headers, so that a stream does not go on without a reader."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a HEAD on as the GET it stands for."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body"})

        await self._app({**scope, "method": "GET"}, receive, send_headers)


def with_head(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Return the headers of a refusal, with HEAD where they allow GET."""
    known = dict(headers or {})
    allowed = known.get("Allow", "").split(", ")
    if "GET" in allowed and "HEAD" not in allowed:
        known["Allow"] = ", ".join([*allowed, "HEAD"])
    return known
