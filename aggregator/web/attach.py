"""What someone needs to attach the first machine; shown where there is none yet."""

from dataclasses import dataclass

from aggregator.services import Services


@dataclass(frozen=True, slots=True)
class Attach:
    """What goes into the first `agent.toml`, and whether an agent could be heard at all."""

    federation: str
    host: str
    port: int
    broker_connected: bool


def attach_values(services: Services) -> Attach:
    """Return what an agent has to know of this federation."""
    config = services.config
    mqtt = config.mqtt
    return Attach(config.federation, mqtt.public_host, mqtt.public_port, services.status.broker_connected)
