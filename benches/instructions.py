"""Compares instruction counts with the recorded ones; called by `instructions.sh`.

    python3 benches/instructions.py RECORDED FOUND COMPILER PROCESSOR [--update]

Exits with status 1 when an operation takes more than `SHARE_MAX` and `COUNT_MAX` above what was recorded, or
was never recorded. Counts of another compiler or kind of processor are shown and not judged.
"""

import json
import sys
from pathlib import Path

# A build elsewhere and the addresses that the system's libraries get move a count by a thousandth.
SHARE_MAX = 0.03
# Instructions that the noise of start-up leaves in the difference of two runs: much for a short operation.
COUNT_MAX = 100
# Parts of the boards, measured to see where their time goes. A change far from them moves one by a third,
# when the compiler inlines it elsewhere: the boards, which ship, are what is judged.
SHOWN_ONLY = "stage_"


def main() -> int:
    recorded_path, found_path = Path(sys.argv[1]), Path(sys.argv[2])
    conditions = {"rustc": sys.argv[3], "processor": sys.argv[4]}
    lines = [line.split() for line in found_path.read_text().splitlines()]
    found = {name: int(count) for name, count in lines}
    document = json.loads(recorded_path.read_text()) if recorded_path.exists() else {}
    recorded: dict[str, int] = document.get("instructions_per_operation", {})
    order = [*(name for name in recorded if name in found), *sorted(found.keys() - recorded.keys())]
    if not order:
        print("no operation was counted", file=sys.stderr)
        return 1
    worse, better = [], []
    print(f"{'operation':<28}{'recorded':>12}{'found':>12}{'ratio':>9}")
    for name in order:
        before, now = recorded.get(name), found[name]
        verdict = ""
        if before is None or now > before * (1 + SHARE_MAX) + COUNT_MAX:
            verdict = "  not judged" if name.startswith(SHOWN_ONLY) else "  WORSE"
        elif now < before * (1 - SHARE_MAX) - COUNT_MAX:
            better.append(name)
        if verdict == "  WORSE":
            worse.append(name)
        ratio = "new" if before is None else f"{now / before:.3f}"
        print(f"{name:<28}{'' if before is None else before:>12}{now:>12}{ratio:>9}{verdict}")
    if "--update" in sys.argv:
        counts = {**recorded, **{name: found[name] for name in order}}
        document = {**conditions, "instructions_per_operation": counts}
        recorded_path.write_text(json.dumps(document, indent=2) + "\n")
        return 0
    if better:
        print(f"more than {SHARE_MAX:.0%} below what was recorded: {', '.join(better)}")
        print("hint: benches/instructions.sh --update records the counts, so that they stay so")
    for what, now in conditions.items():
        if document.get(what) != now:
            print(f"NOT COMPARED: recorded with {what} {document.get(what)!r}, found with {now!r}")
            print("hint: benches/instructions.sh --update records the counts of this one")
            return 0
    if worse:
        bound = f"{SHARE_MAX:.0%} and {COUNT_MAX} instructions"
        print(f"more than {bound} above what was recorded, or new: {', '.join(worse)}")
        print("hint: benches/instructions.sh --update records the counts, once the reason is understood")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
