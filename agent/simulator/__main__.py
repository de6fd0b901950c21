"""`python -m agent.simulator`, until `machikoba-agent simulate` is wired."""

import argparse
import sys

from agent.errors import ConfigError
from agent.simulator.command import add_arguments, run

parser = argparse.ArgumentParser(prog="machikoba-agent simulate")
add_arguments(parser)
try:
    sys.exit(run(parser.parse_args()))
except ConfigError as error:
    sys.exit(f"error: {error}")
