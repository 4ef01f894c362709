"""The release build of the module gives the state hash that the debug build of the Rust tests gives."""

from pathlib import Path

from oddsengine import _core

RECORDINGS = Path(__file__).resolve().parents[2] / "feeds" / "recordings"


def test_the_recording_has_its_known_hash() -> None:
    lines = (RECORDINGS / "world_cup_2022_group_stage.jsonl").read_bytes()
    report = _core.replay_recording(lines, {})
    assert report["state_hash"] == (RECORDINGS / "state_hash.txt").read_text().strip()
    assert (report["fixtures"], report["finished"], report["malformed"], report["refused"]) == (48, 48, 0, 0)
    assert all(report["invariants"].values())
