"""What holds for every test: hypothesis never fails an example for being slow."""

from hypothesis import settings

settings.register_profile("machikoba", deadline=None)
settings.load_profile("machikoba")
