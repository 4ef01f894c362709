"""`oddsengine demo --help` without a build: the options are Python alone.

Needs nothing but Python: the package is looked into, not imported.
"""

import argparse
import sys
import types
from pathlib import Path

# Importing `oddsengine` itself would load the core; orjson is for the run, and not there before a build.
package = types.ModuleType("oddsengine")
package.__path__ = [str(Path(__file__).resolve().parent.parent / "python" / "oddsengine")]
sys.modules["oddsengine"] = package
sys.modules.setdefault("orjson", types.ModuleType("orjson"))
sys.dont_write_bytecode = True


def main() -> None:
    from oddsengine import demo

    parser = argparse.ArgumentParser(prog="oddsengine demo")
    demo.add_arguments(parser)
    parser.parse_args(["--help"])


main()
