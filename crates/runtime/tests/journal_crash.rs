//! Processes killed at random moments: what they had acknowledged is there afterwards, once.
//!
//! `ODDSENGINE_CRASH_ROUNDS` sets the number of rounds for long runs, `ODDSENGINE_CRASH_SEED` repeats one.

mod journal_support;

use journal_support::*;
use oddsengine_runtime::journal::{OpenOptions, replay, verify, whole};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

/// A journal is left after this many rounds: the longer it is, the more children die while they verify it.
const ROUNDS_PER_JOURNAL: u64 = 20;
const CHILD_PATH: &str = "ODDSENGINE_CRASH_CHILD";

/// The child: appends for ever, in turns of changing size, and prints what is acknowledged.
#[test]
fn crash_child() {
    let Ok(path) = std::env::var(CHILD_PATH) else { return };
    let (mut writer, recovered) = open_writer(Path::new(&path), OpenOptions::default());
    let mut out = std::io::stdout();
    writeln!(out, "\nopen {} {}", recovered.epoch, recovered.last_seq).unwrap();
    let mut acknowledged_seq = recovered.last_seq;
    let mut turn = 0_u64;
    loop {
        turn += 1;
        for _ in 0..=turn % 13 {
            let seq = writer.next_seq();
            // A refused record is offered again at the next turn.
            if writer.append(&record(seq)).is_err() {
                break;
            }
        }
        writer.flush().unwrap();
        if turn.is_multiple_of(97) {
            let seq = writer.next_seq() - 1;
            writer.write_snapshot(seq, 1, whole([turn as u8; 16], vec![turn as u8; 400_000])).unwrap();
        }
        let durable_seq = writer.durable_seq();
        if acknowledged_seq < durable_seq {
            acknowledged_seq = durable_seq;
            writeln!(out, "ack {acknowledged_seq}").unwrap();
        }
        if turn.is_multiple_of(5) {
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

/// Runs a child, kills it after `life`; returns its epoch, if it came that far, and what it acknowledged.
fn killed_child(path: &Path, life: Duration) -> (Option<u64>, u64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash_child", "--nocapture", "--test-threads", "1"])
        .env(CHILD_PATH, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let (mut epoch, mut acknowledged_seq) = (None, 0);
        // A last line without its end was cut by the kill and may be a shorter number: it only counts less.
        for line in lines.lines().map_while(Result::ok) {
            let mut words = line.split(' ');
            match (words.next(), words.next().and_then(|word| word.parse().ok())) {
                (Some("open"), Some(number)) => epoch = Some(number),
                (Some("ack"), Some(number)) => acknowledged_seq = acknowledged_seq.max(number),
                _ => {}
            }
        }
        (epoch, acknowledged_seq)
    });
    std::thread::sleep(life);
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    reader.join().unwrap()
}

#[test]
fn killed_processes_lose_nothing_acknowledged() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let rounds = number("ODDSENGINE_CRASH_ROUNDS").unwrap_or(8);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = number("ODDSENGINE_CRASH_SEED").unwrap_or(now);
    println!("seed {seed}");
    let mut state = seed | 1;

    let mut folder = Folder::new();
    let (mut acknowledged_seq, mut last_epoch, mut crashes_at_work) = (0, 0, 0);
    for round in 0..rounds {
        if round % ROUNDS_PER_JOURNAL == ROUNDS_PER_JOURNAL - 1 {
            folder = Folder::new();
            (acknowledged_seq, last_epoch) = (0, 0);
        }
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Some children are killed while they create or verify the journal, most while they write.
        let life = Duration::from_micros(1_000 + (state >> 33) % 300_000);
        let (epoch, acknowledged_here) = killed_child(&folder.journal(), life);
        if let Some(epoch) = epoch {
            assert!(last_epoch < epoch, "epoch {epoch} after {last_epoch}, seed {seed}, round {round}");
            last_epoch = epoch;
        }
        crashes_at_work += u64::from(acknowledged_seq < acknowledged_here);
        acknowledged_seq = acknowledged_seq.max(acknowledged_here);
        if !folder.journal().exists() {
            assert_eq!(acknowledged_seq, 0);
            continue;
        }
        let report = verify(folder.journal()).unwrap();
        assert!(report.is_sound(), "seed {seed}, round {round}: {:?}", report.damages);
        assert!(acknowledged_seq <= report.last_seq, "seed {seed}, round {round}: {report:?}");
        assert!(acknowledged_seq <= report.acknowledged.map_or(0, |mark| mark.seq));
        assert_eq!(check_records(&folder.journal()), report.last_seq);
    }
    assert!(crashes_at_work > 0 || rounds < 8, "no child lived long enough to acknowledge anything");
    // And the journal goes on, in a new epoch.
    let (mut writer, recovered) = open_writer(&folder.journal(), OpenOptions::default());
    assert!(last_epoch < recovered.epoch);
    let last_seq = append_group(&mut writer, 10);
    writer.close().unwrap();
    assert_eq!(check_records(&folder.journal()), last_seq);
    let mut epochs = Vec::new();
    replay(folder.journal(), 1, &mut |_, epoch, _| {
        epochs.push(epoch);
        Ok(())
    })
    .unwrap();
    assert!(epochs.is_sorted());
    println!(
        "{rounds} rounds, {crashes_at_work} crashes at work, the last journal has {last_seq} records, epoch {}",
        recovered.epoch
    );
}
