"""Compares instruction counts with the recorded ones; called by `instructions.sh`."""

import json
import sys
from pathlib import Path

# Counts vary by a few thousandths with the addresses that the system's libraries get.
SHARE_MAX = 0.05


def main() -> int:
    recorded_path, found_path, compiler = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    found = {
        name: int(count) for name, count in (line.split() for line in found_path.read_text().splitlines())
    }
    document = json.loads(recorded_path.read_text()) if recorded_path.exists() else {}
    recorded: dict[str, int] = document.get("instructions_per_operation", {})
    worse = []
    print(f"{'operation':<28}{'recorded':>12}{'found':>12}{'change':>9}")
    for name, count in found.items():
        before = recorded.get(name)
        change = "" if before is None else f"{count / before - 1:+.1%}"
        print(f"{name:<28}{before if before is not None else '':>12}{count:>12}{change:>9}")
        if before is None or count > before * (1 + SHARE_MAX):
            worse.append(name)
    if "--update" in sys.argv:
        recorded.update(found)
        document = {"rustc": compiler, "instructions_per_operation": dict(recorded)}
        recorded_path.write_text(json.dumps(document, indent=2) + "\n")
        return 0
    if document.get("rustc") != compiler:
        print(f"recorded with {document.get('rustc')}, found with {compiler}")
    if worse:
        print(f"more than {SHARE_MAX:.0%} above what was recorded, or new: {', '.join(worse)}")
        print("hint: benches/instructions.sh --update records the counts, once the reason is understood")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
