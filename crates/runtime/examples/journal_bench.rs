//! How long money waits for the disk: latency of a group from `flush` to durable, and records per second.
//!
//! Closed loop: append a group, flush, wait, repeat; what one busy client sees. Pipelined: append without
//! waiting, as the engine's thread does; what the journal sustains (it runs up to 20,000 records ahead, so
//! its latency is mostly that queue). "+snapshots": the closed loop beside an unending snapshot. "+sealing": beside a compaction
//! into segments of 4 MiB that never comes to its end. "pause ms" is the longest that the committer did something else than commit. Records are 256 bytes, the disk is that
//! of the folder given (default: the system's folder for temporary files). Every record is read back and
//! compared before a figure is printed. Not included: the engine, the wire.
//!
//! ```text
//! cargo run --release -p oddsengine-runtime --example journal_bench [-- SECONDS [FOLDER]]
//! ```

use oddsengine_runtime::journal::{
    CompactOptions, Journal, JournalError, JournalWriter, OpenOptions, SegmentInfo, compact_telling, verify,
    whole,
};
use std::collections::VecDeque;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

const RECORD_SIZE: usize = 256;
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().map_or(Ok(3.0), |text| text.parse())?;
    let run_time = Duration::from_secs_f64(seconds);
    let folder = arguments.next().map_or_else(std::env::temp_dir, Into::into);
    let folder = folder.join(format!("journal-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;

    println!(
        "mode         group  records/s   groups/s   p50 us   p99 us  p99.9 us  worst us  pause ms  sealed MiB   check"
    );
    for group_size in [1, 10, 100] {
        measure(&folder, "closed loop", group_size, run_time, closed_loop)?;
    }
    measure(&folder, "+snapshots", 10, run_time, closed_loop_with_snapshots)?;
    for group_size in [10, 100] {
        measure(&folder, "+sealing", group_size, run_time, closed_loop_with_sealing)?;
    }
    for group_size in [1, 10, 100] {
        measure(&folder, "pipelined", group_size, run_time, pipelined)?;
    }
    measure(&folder, "pipe+sealing", 100, run_time, pipelined_with_sealing)?;
    seal(&folder, run_time)?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// `oddsengine compact` of a resting journal: what one step takes, and how long all of it.
fn seal(folder: &Path, run_time: Duration) -> Result<(), Box<dyn Error>> {
    let path = folder.join("sealed.db");
    let mut writer = Journal::open(&path, OpenOptions::default())?.0.into_writer()?;
    pipelined(&mut writer, 100, run_time)?;
    for _ in 0..2 {
        pipelined(&mut writer, 1, Duration::from_millis(1))?;
        let seq = writer.next_seq() - 1;
        writer.write_snapshot(seq, 1, whole([0; 16], vec![7; 1_000]))?;
        while writer.snapshot_seq() < seq {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let record_count = writer.next_seq() - 1;
    writer.close()?;
    let (start, mut step_began, mut steps) = (Instant::now(), Instant::now(), Vec::new());
    let report = compact_telling(&path, &CompactOptions::default(), &mut |_| {
        steps.push(step_began.elapsed());
        step_began = Instant::now();
    })?;
    let seconds = start.elapsed().as_secs_f64();
    // The first one waited for the proof of the chain.
    steps.remove(0);
    steps.sort_unstable();
    let ms = |share: f64| steps[((steps.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let sum = |of: fn(&SegmentInfo) -> u64| report.sealed.iter().map(of).sum::<u64>() as f64 / 1_048_576.0;
    let (raw_mib, packed_mib) = (sum(|info| info.byte_count), sum(|info| info.file_bytes));
    println!(
        "compact: {raw_mib:.0} MiB into {packed_mib:.0} in {seconds:.1} s; {} steps of p50 {:.2} ms, p99 {:.2}, p99.9 {:.2}, worst {:.2}",
        steps.len(),
        ms(0.5),
        ms(0.99),
        ms(0.999),
        ms(1.0)
    );
    check(&path, record_count).map(drop)
}

type Mode = fn(&mut JournalWriter, u64, Duration) -> Result<Vec<Duration>, JournalError>;

fn measure(
    folder: &Path,
    name: &str,
    group_size: u64,
    run_time: Duration,
    mode: Mode,
) -> Result<(), Box<dyn Error>> {
    let path = folder.join(format!("{}-{group_size}.db", name.replace(' ', "-")));
    let is_compacting = name.ends_with("+sealing");
    let options = OpenOptions { is_compacting, segment_bytes: 4 << 20, ..OpenOptions::default() };
    let mut writer = Journal::open(&path, options)?.0.into_writer()?;
    let start = Instant::now();
    let mut latencies = mode(&mut writer, group_size, run_time)?;
    let elapsed = start.elapsed().as_secs_f64();
    let (record_count, group_count) = (writer.next_seq() - 1, writer.group_count());
    let pause_ms = writer.chore_ns_max() as f64 / 1e6;
    let sealed_mib = (writer.sealed_seq() * RECORD_SIZE as u64) >> 20;
    writer.close()?;

    let check_time = check(&path, record_count)?;
    latencies.sort_unstable();
    let us = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_micros();
    println!(
        "{name:<11} {group_size:>6} {:>10.0} {:>10.0} {:>8} {:>8} {:>9} {:>9} {pause_ms:>9.1} {sealed_mib:>11}   {} records in {:.2} s",
        record_count as f64 / elapsed,
        group_count as f64 / elapsed,
        us(0.5),
        us(0.99),
        us(0.999),
        us(1.0),
        record_count,
        check_time.as_secs_f64(),
    );
    Ok(())
}

/// One group at a time, each waited for.
fn closed_loop(
    writer: &mut JournalWriter,
    group_size: u64,
    run_time: Duration,
) -> Result<Vec<Duration>, JournalError> {
    let mut latencies = Vec::new();
    let end = Instant::now() + run_time;
    while Instant::now() < end {
        for _ in 0..group_size {
            writer.append(&record(writer.next_seq()))?;
        }
        let flushed = Instant::now();
        writer.flush()?;
        assert!(writer.wait_durable(writer.next_seq() - 1, PATIENCE)?, "{:?}", writer.status());
        latencies.push(flushed.elapsed());
    }
    Ok(latencies)
}

/// The same while a state of 64 MB is being written all the time.
fn closed_loop_with_snapshots(
    writer: &mut JournalWriter,
    group_size: u64,
    run_time: Duration,
) -> Result<Vec<Duration>, JournalError> {
    let mut latencies = closed_loop(writer, group_size, run_time / 100)?;
    let end = Instant::now() + run_time;
    let mut snapshot_seq = u64::MAX;
    while Instant::now() < end {
        if snapshot_seq != writer.snapshot_seq() {
            snapshot_seq = writer.snapshot_seq();
            writer.write_snapshot(writer.next_seq() - 1, 1, whole([0; 16], vec![7; 64_000_000]))?;
        }
        latencies.extend(closed_loop(writer, group_size, Duration::from_millis(1))?);
    }
    Ok(latencies)
}

/// The same while old groups are sealed all the time: small snapshots free them for it.
fn closed_loop_with_sealing(
    writer: &mut JournalWriter,
    group_size: u64,
    run_time: Duration,
) -> Result<Vec<Duration>, JournalError> {
    let mut latencies = Vec::new();
    let end = Instant::now() + run_time;
    while Instant::now() < end {
        latencies.extend(closed_loop(writer, group_size, Duration::from_millis(20))?);
        writer.write_snapshot(writer.next_seq() - 1, 1, whole([0; 16], vec![7; 1_000]))?;
    }
    Ok(latencies)
}

fn pipelined_with_sealing(
    writer: &mut JournalWriter,
    group_size: u64,
    run_time: Duration,
) -> Result<Vec<Duration>, JournalError> {
    let mut latencies = Vec::new();
    let end = Instant::now() + run_time;
    while Instant::now() < end {
        latencies.extend(pipelined(writer, group_size, run_time / 20)?);
        writer.write_snapshot(writer.next_seq() - 1, 1, whole([0; 16], vec![7; 1_000]))?;
    }
    Ok(latencies)
}

/// As fast as the journal takes them, at most 20,000 records ahead of the disk.
fn pipelined(
    writer: &mut JournalWriter,
    group_size: u64,
    run_time: Duration,
) -> Result<Vec<Duration>, JournalError> {
    const AHEAD_MAX: u64 = 20_000;
    let mut latencies = Vec::new();
    let mut flushed: VecDeque<(u64, Instant)> = VecDeque::new();
    let end = Instant::now() + run_time;
    while Instant::now() < end || !flushed.is_empty() {
        if Instant::now() < end && writer.pending_records() < AHEAD_MAX {
            for _ in 0..group_size {
                writer.append(&record(writer.next_seq()))?;
            }
            writer.flush()?;
            flushed.push_back((writer.next_seq() - 1, Instant::now()));
        } else if let Some(&(seq, _)) = flushed.front() {
            assert!(writer.wait_durable(seq, PATIENCE)?, "{:?}", writer.status());
        }
        let durable_seq = writer.durable_seq();
        while let Some(&(seq, flushed_at)) = flushed.front() {
            if durable_seq < seq {
                break;
            }
            latencies.push(flushed_at.elapsed());
            flushed.pop_front();
        }
    }
    Ok(latencies)
}

fn record(seq: u64) -> [u8; RECORD_SIZE] {
    let mut bytes = [0; RECORD_SIZE];
    for (index, chunk) in bytes.chunks_exact_mut(8).enumerate() {
        chunk.copy_from_slice(&(seq.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ index as u64).to_le_bytes());
    }
    bytes
}

/// Verifies the chain, then opens and replays as a restart would; returns the time of the restart.
fn check(path: &Path, record_count: u64) -> Result<Duration, Box<dyn Error>> {
    let report = verify(path)?;
    assert!(report.is_sound(), "{:?}", report.damages);
    let start = Instant::now();
    let (journal, recovered) = Journal::open(path, OpenOptions::default())?;
    assert_eq!(recovered.last_seq, record_count);
    let replayed_count = journal.replay(1, &mut |seq, _, bytes| {
        if bytes == record(seq) { Ok(()) } else { Err("a record changed".into()) }
    })?;
    assert_eq!(replayed_count, record_count);
    Ok(start.elapsed())
}
