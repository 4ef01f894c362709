"""What all Python tests share."""

from hypothesis import settings

# Shared machines pause a test at any moment, so a slow example is no failure.
settings.register_profile("oddsengine", deadline=None)
settings.load_profile("oddsengine")
