"""What all tests share: how hypothesis searches, and that a slow computer fails nothing."""

import os

from hypothesis import settings

# No deadlines: a busy computer is no bug. In CI always the same examples, so that a failure can be repeated.
settings.register_profile("machikoba", deadline=None, print_blob=True)
settings.register_profile("ci", settings.get_profile("machikoba"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "machikoba")
