"""No request is larger than what people and programs really send; whoever sends more is told so (413)."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 2 * 1024 * 1024
"""An imported file has 1 MB at most, a form around it little more."""


class BodyLimit:
    """ASGI middleware; it counts what really comes, whatever the request says of its length."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; reading more than MOST_BYTES of it raises HTTPException."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        lengths = [value for name, value in scope["headers"] if name == b"content-length"]
        announced = any(value.isdigit() and int(value) > MOST_BYTES for value in lengths)
        read = 0

        async def receive_some() -> Message:
            nonlocal read
            if announced:
                raise HTTPException(413)
            message = await receive()
            read += len(message.get("body", b""))
            if read > MOST_BYTES:
                raise HTTPException(413)
            return message

        await self._app(scope, receive_some, send)
