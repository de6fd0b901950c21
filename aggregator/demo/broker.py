"""The demo's MQTT broker in a process of its own: `python -m aggregator.demo.broker --port 1883`."""

import argparse
import logging

from iotcore import IotCoreBroker

MAX_PAYLOAD_BYTES = 1 << 20
"""A birth of a factory with many machines is longer than the broker's default of 20 KiB."""


def main() -> None:
    """Serve on loopback until the process is ended; there is no sign-in, so no other address."""
    parser = argparse.ArgumentParser(
        prog="python -m aggregator.demo.broker", description="MQTT broker of the demo"
    )
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # rumqttd logs every routed packet as an error span.
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
    IotCoreBroker(listen="127.0.0.1", port=arguments.port, max_payload_size=MAX_PAYLOAD_BYTES).run_forever()


if __name__ == "__main__":
    main()
