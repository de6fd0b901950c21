"""Sessions of people and tokens of programs: secrets in, the user out; the rules of how long they live."""

from aggregator.access.secret import hashed, new_secret
from aggregator.model.user import User
from aggregator.store.people import People

HOUR_MS = 3_600_000
SESSION_MS = 12 * HOUR_MS
# A session's end is moved at most this often, so that reading a page does not write to the database.
EXTEND_AFTER_MS = 10 * 60_000


def open_session(people: People, user: User, now_ms: int) -> str:
    """Begin a session and return its secret, to be set as a cookie."""
    secret = new_secret()
    people.open_session(hashed(secret), user.name, now_ms, now_ms + SESSION_MS)
    return secret


def session_user(people: People, secret: str, now_ms: int) -> User | None:
    """Return whose session it is, and keep it alive: it ends 12 hours after it was last used."""
    found = people.session(hashed(secret), now_ms)
    if found is None:
        return None
    user, expires_ms = found
    if expires_ms < now_ms + SESSION_MS - EXTEND_AFTER_MS:
        people.extend_session(hashed(secret), now_ms + SESSION_MS)
    return user


def close_session(people: People, secret: str) -> None:
    """End a session."""
    people.close_session(hashed(secret))


def issue_token(people: People, user: User, now_ms: int, expires_ms: int | None) -> str:
    """Return a new token that sees what the user may see; it is shown once and stored as a hash."""
    token = new_secret()
    people.add_token(hashed(token), user, now_ms, expires_ms)
    return token


def token_user(people: People, token: str, now_ms: int) -> User | None:
    """Return for whom the token speaks."""
    return people.token(hashed(token), now_ms)
