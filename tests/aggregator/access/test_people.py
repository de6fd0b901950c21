import pytest
from sqlalchemy import Engine, select

from aggregator.access.passwords import hash_password, is_password
from aggregator.access.secret import form_token, hashed, is_form_token, new_secret
from aggregator.access.session import (
    EXTEND_AFTER_MS,
    SESSION_MS,
    close_session,
    issue_token,
    open_session,
    session_user,
    token_user,
)
from aggregator.model.user import Role, User
from aggregator.store.database import reading
from aggregator.store.people import People, PersonError
from aggregator.store.work_schema import metadata

KENTA = User("kenta", Role.COORDINATOR)
AOKI = User("aoki", Role.FACTORY, "aoki")
NOW = 1_800_000_000_000


@pytest.fixture
def people(engine: Engine) -> People:
    people = People(engine)
    people.add_user(KENTA, hash_password("correct horse"), NOW)
    people.add_user(AOKI, hash_password("battery staple"), NOW)
    return people


def test_a_password_fits_only_its_own_hash() -> None:
    stored = hash_password("町工場の鍵")
    assert stored.startswith("$argon2id$")
    assert is_password("町工場の鍵", stored)
    assert not is_password("町工場の鍵 ", stored)
    assert not is_password("町工場の鍵", None)
    assert not is_password("町工場の鍵", "not a hash")


def test_people_are_listed_by_name(people: People) -> None:
    assert people.users() == [AOKI, KENTA]
    assert people.user("nobody") is None


def test_a_name_is_taken_once(people: People) -> None:
    with pytest.raises(PersonError, match="'kenta': there is one already"):
        people.add_user(KENTA, "x", NOW)


def test_a_session_ends_twelve_hours_after_its_last_use(people: People) -> None:
    secret = open_session(people, AOKI, NOW)
    assert session_user(people, secret, NOW + SESSION_MS - 1) == AOKI  # and is kept alive by that
    assert session_user(people, secret, NOW + SESSION_MS + EXTEND_AFTER_MS) == AOKI
    assert session_user(people, secret, NOW + 3 * SESSION_MS) is None
    assert session_user(people, "guessed", NOW) is None


def test_only_hashes_of_secrets_are_stored(people: People, engine: Engine) -> None:
    secrets = [open_session(people, AOKI, NOW), issue_token(people, AOKI, NOW, None)]
    with reading(engine) as connection:
        tables = [connection.execute(select(table)).all() for table in metadata.sorted_tables]
    for secret in secrets:
        assert secret not in repr(tables)
        assert hashed(secret) in repr(tables)


def test_a_closed_session_is_over(people: People) -> None:
    secret = open_session(people, AOKI, NOW)
    close_session(people, secret)
    assert session_user(people, secret, NOW) is None


def test_a_removed_person_has_neither_sessions_nor_tokens(people: People) -> None:
    secret, token = open_session(people, AOKI, NOW), issue_token(people, AOKI, NOW, None)
    people.remove_user("aoki")
    assert session_user(people, secret, NOW) is None
    assert token_user(people, token, NOW) is None
    with pytest.raises(PersonError, match="'aoki': there is none"):
        people.remove_user("aoki")


def test_a_new_password_ends_the_sessions(people: People) -> None:
    secret = open_session(people, AOKI, NOW)
    people.set_password("aoki", hash_password("new password"))
    assert session_user(people, secret, NOW) is None
    found = people.credentials("aoki")
    assert found is not None
    assert is_password("new password", found[1])


def test_a_token_speaks_for_its_person_until_it_expires(people: People) -> None:
    token = issue_token(people, AOKI, NOW, NOW + 1000)
    assert token_user(people, token, NOW + 999) == AOKI
    assert token_user(people, token, NOW + 1000) is None


def test_sessions_that_are_over_are_swept_out(people: People) -> None:
    old = open_session(people, AOKI, NOW)
    open_session(people, AOKI, NOW + 2 * SESSION_MS)
    assert people.session(hashed(old), NOW) is None


def test_a_forms_token_belongs_to_one_cookie() -> None:
    mine, other = new_secret(), new_secret()
    assert is_form_token(form_token(mine), mine)
    assert not is_form_token(form_token(mine), other)
    assert not is_form_token(form_token(mine), None)
    assert not is_form_token("", mine)
    assert not is_form_token("日本", mine)
