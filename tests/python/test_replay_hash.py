"""The release build of the module gives the state hash that the debug build of the Rust tests gives."""

import shutil
from pathlib import Path

import pytest

from oddsengine import _core

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = ROOT / "feeds" / "recordings"
GOLDEN = ROOT / "tests" / "journals"


def test_the_recording_has_its_known_hash() -> None:
    lines = (RECORDINGS / "world_cup_2022_group_stage.jsonl").read_bytes()
    report = _core.replay_recording(lines, {})
    assert report["state_hash"] == (RECORDINGS / "state_hash.txt").read_text().strip()
    assert (report["fixtures"], report["finished"], report["malformed"], report["refused"]) == (48, 48, 0, 0)
    assert all(report["invariants"].values())


@pytest.mark.parametrize("release", sorted(path.name for path in GOLDEN.iterdir()))
def test_golden_journals_have_their_known_hash(tmp_path: Path, release: str) -> None:
    shutil.copy(GOLDEN / release / "journal.db", tmp_path / "journal.db")
    engine = _core.Engine.from_journal(str(tmp_path / "journal.db"))
    # A line for each layout of the state; the newest is the one of this build.
    *_, newest = (GOLDEN / release / "state_hash.txt").read_text().splitlines()
    assert engine.state_hash() == newest.split()[1]
    assert all(engine.invariants().values())
