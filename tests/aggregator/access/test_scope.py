from aggregator.access.scope import covers, visible
from aggregator.model.user import Role, User


def test_a_coordinator_sees_every_factory() -> None:
    scope = visible(User("kenta", Role.COORDINATOR))
    assert scope is None
    assert covers(scope, "aoki")


def test_a_factory_sees_only_itself() -> None:
    scope = visible(User("a", Role.FACTORY, "aoki"))
    assert covers(scope, "aoki")
    assert not covers(scope, "fujimi")


def test_a_factory_account_without_a_factory_sees_nothing() -> None:
    assert visible(User("a", Role.FACTORY)) == frozenset()
