"""The shipped broker keeps factories apart: aoki tries everything against sakura and the centre."""

from functools import partial

import pytest

from tests.deploy.conftest import Connect
from tests.deploy.enrolled import FEDERATION
from tests.stack import wait_until

OWN = [
    *(f"{kind}/aoki" for kind in ("NBIRTH", "NDATA", "NDEATH")),
    *(f"{kind}/aoki/mc-01" for kind in ("DBIRTH", "DDATA", "DDEATH")),
]
FOREIGN = [
    *(f"{kind}/sakura" for kind in ("NBIRTH", "NDATA", "NDEATH", "NCMD")),
    *(f"{kind}/sakura/pr-01" for kind in ("DBIRTH", "DDATA", "DDEATH", "DCMD")),
    *("NCMD/aoki", "DCMD/aoki/mc-01"),
]
MARK = "NDATA/aoki"
"""Everybody who may hear it has heard what was published before it."""


def at(tail: str) -> str:
    return f"spBv1.0/{FEDERATION}/{tail}"


@pytest.mark.parametrize("v5", [False, True], ids=["3.1.1", "5"])
def test_a_factory_publishes_as_itself_and_as_nobody_else(connect: Connect, v5: bool) -> None:
    centre = connect("aggregator").up().subscribe("spBv1.0/#")
    victim = connect("sakura").up().subscribe(at("NCMD/sakura"), at("DCMD/sakura/+"))
    attacker = connect("aoki", v5=v5).up().subscribe(at("NCMD/aoki"), at("DCMD/aoki/+"))
    for tail in FOREIGN:
        attacker.publish(at(tail))
        attacker.publish(at(tail), retain=True)
    attacker.publish("spBv1.0/STATE/machikoba", b'{"online": false, "timestamp": 1}', retain=True)
    for odd in ("x/NDATA/sakura", f"{FEDERATION}/NDATA/sakura/aoki", f"{FEDERATION}/NDATA/aoki/sakura"):
        attacker.publish(f"spBv1.0/{odd}")
    for tail in OWN:
        attacker.publish(at(tail), b"own")
    wait_until(lambda: centre.has(at(OWN[-1]), b"own"), "what is its own comes through")
    assert centre.topics() - {at(tail) for tail in OWN} == set()
    assert victim.heard == []
    assert attacker.heard == []  # a forged "stored through" does not even reach itself
    centre.close()
    late = connect("aggregator").up().subscribe("spBv1.0/#")
    late.publish(at("NCMD/aoki"), b"mark")
    wait_until(lambda: attacker.has(at("NCMD/aoki"), b"mark"), "a command of the centre comes through")
    assert not [topic for topic in late.topics() if "sakura" in topic or "STATE" in topic]


@pytest.mark.parametrize("v5", [False, True], ids=["3.1.1", "5"])
def test_a_factory_hears_its_own_commands_and_nothing_of_others(connect: Connect, v5: bool) -> None:
    spy = connect("aoki", v5=v5).up()
    for topic in (
        "#",
        "spBv1.0/#",
        "+/+/+/+",
        at("NDATA/sakura"),
        at("DDATA/sakura/+"),
        at("NCMD/+"),
        "$SYS/#",
    ):
        spy.subscribe(topic)
    if v5:
        spy.subscribe("$share/all/spBv1.0/#")
    victim = connect("sakura").up().subscribe(at("NCMD/sakura"))
    centre = connect("aggregator").up().subscribe("spBv1.0/#")
    for tail in ("NBIRTH/sakura", "NDATA/sakura", "DDATA/sakura/pr-01"):
        victim.publish(at(tail), b"secret")
    centre.publish(at("NCMD/sakura"), b"secret")
    centre.publish(at("DCMD/sakura/pr-01"), b"secret")
    centre.publish("spBv1.0/STATE/machikoba", b"state")
    wait_until(lambda: centre.has(at("DDATA/sakura/pr-01"), b"secret"), "the centre hears sakura")
    wait_until(lambda: victim.has(at("NCMD/sakura"), b"secret"), "sakura hears the centre")
    centre.publish(at("NCMD/aoki"), b"mark")
    wait_until(lambda: spy.has(at("NCMD/aoki"), b"mark"), "the spy hears what is for it")
    assert spy.topics() == {"spBv1.0/STATE/machikoba", at("NCMD/aoki")}


def test_a_will_against_another_factory_never_comes(connect: Connect) -> None:
    centre = connect("aggregator").up().subscribe("spBv1.0/#")
    honest = connect("sakura", will=at("NDEATH/sakura")).up()
    attacker = connect("aoki", will=at("NDEATH/sakura"))
    wait_until(lambda: attacker.is_up or attacker.refused is not None, "the broker has answered", 30)
    if attacker.is_up:
        attacker.vanish()
    own = connect("aoki", will=at("NDEATH/aoki")).up()
    own.vanish()
    wait_until(lambda: centre.has(at("NDEATH/aoki"), b"will"), "its own will comes")
    assert not centre.has(at("NDEATH/sakura"), b"will")
    honest.vanish()
    wait_until(lambda: centre.has(at("NDEATH/sakura"), b"will"), "sakura's own will comes")


def test_nobody_takes_anothers_place_by_its_client_name(connect: Connect) -> None:
    centre = connect("aggregator", name=f"machikoba-{FEDERATION}").up().subscribe("spBv1.0/#")
    for name in (f"machikoba-{FEDERATION}", "_aggregator", "sakura"):
        attacker = connect("aoki", name=name).up()
        attacker.publish(at(MARK), name.encode())
        wait_until(partial(centre.has, at(MARK), name.encode()), "it is aoki all the same")
        attacker.close()
    assert centre.downs == 0
