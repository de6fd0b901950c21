"""`python -m tests.chaos [--seed N] [--seconds S] [--store NAME]`: kill everything, again and again.

Prints faults, and records expected, stored, lost and doubled; exits with 1 if something was lost or
doubled, and says how to let the same faults happen again.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.chaos.campaign import run, told
from tests.chaos.home import NAMES
from tests.chaos.plan import OTHERS, plan

MINUTES_15_S = 900.0
EVERY_S = 2.5


def main(words: list[str] | None = None) -> int:
    """Run one plan; return 0 if nothing was lost and nothing doubled."""
    asked = _parser().parse_args(words)
    seed = random.randrange(10**6) if asked.seed is None else asked.seed
    faults = plan(seed, asked.seconds, asked.every, (*OTHERS, *NAMES[asked.store]))
    again = f"python -m tests.chaos --seed {seed} --seconds {asked.seconds:g}"
    again += f" --every {asked.every:g} --store {asked.store}"
    print(f"the same again: {again}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left running
    folder = Path(tempfile.mkdtemp(prefix="machikoba-chaos-"))
    verdict = run(folder, faults, asked.seconds, asked.store, lambda text: print(text, flush=True))
    print(f"faults: {len(faults)} ({told(faults)})\n{verdict}")
    for each in verdict.wrong:
        print(each, file=sys.stderr)
    if verdict.wrong:
        print(f"logs and databases lie in {folder}; the same again: {again}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description="Kill everything, again and again."
    )
    parser.add_argument("--seed", type=int, help="the same seed gives the same faults; without it, by chance")
    parser.add_argument("--seconds", type=float, default=MINUTES_15_S, help="so long faults happen (900)")
    parser.add_argument("--every", type=float, default=EVERY_S, help="one fault in so many seconds (2.5)")
    parser.add_argument("--store", choices=NAMES, default="influxdb")
    return parser


if __name__ == "__main__":
    sys.exit(main())
