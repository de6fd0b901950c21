"""User name and password for a session: sent encrypted, or refused with a sentence."""

from pathlib import Path

from asyncua import Client, ua

from agent.errors import LinkError

from .settings import Settings

UNPROTECTED = (None, "", "http://opcfoundation.org/UA/SecurityPolicy#None")


async def sign_in(client: Client, settings: Settings) -> None:
    """Give the client its user and password, if any; raises LinkError when they would go out in clear text.

    The library sends a password in clear without asking wherever the server does not offer to encrypt it.
    """
    if settings.username is None:
        return
    endpoints = await client.connect_and_get_server_endpoints()
    tokens = [
        token
        for endpoint in endpoints
        if endpoint.SecurityMode == ua.MessageSecurityMode.None_
        for token in endpoint.UserIdentityTokens or ()
        if token.TokenType == ua.UserTokenType.UserName
    ]
    if not tokens:
        raise LinkError("the server takes no user names here, remove username or allow them on the server")
    client.set_user(settings.username)
    if settings.password_file is None:
        return
    if tokens[0].SecurityPolicyUri in UNPROTECTED and not settings.plain_password:
        raise LinkError(
            "the server wants the password in clear text: let it offer Basic256Sha256 for user names, "
            "or set plain_password = true where nobody else is on the line"
        )
    client.set_password(_password(settings.password_file))


def _password(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise LinkError(f"password_file {path}: {error.strerror}") from error
