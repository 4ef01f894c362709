# Written by hand; `scripts/check_stubs.py` compares it with the built module.

__version__: str
