"""`python -m oddsengine.demo` is `oddsengine demo`."""

import argparse
import sys

from oddsengine.demo import add_arguments, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser("oddsengine demo")
    add_arguments(parser)
    sys.exit(run(parser.parse_args()))
