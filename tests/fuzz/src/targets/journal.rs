//! Damaged files of a journal: opening never panics, and never answers damage with a shorter journal.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use oddsengine_runtime::journal::{Journal, JournalError, OpenOptions, VerifyScope, replay, verify, whole};

use super::bytes::Bytes;

const SUFFIXES: [&str; 3] = ["", "-wal", ".mark"];
/// Changes of one input.
const CHANGES_MAX: usize = 8;

/// The files of a journal as some moment left them.
type Files = [Option<Vec<u8>>; 3];

struct Originals {
    /// After a clean end, in the third epoch, with a snapshot.
    closed: Files,
    /// The same while its owner lives, as a crash of the machine would leave it: much is in the write-ahead log.
    crashed: Files,
    /// Earlier: an older copy that somebody puts back.
    old: Files,
    closed_count: u64,
    crashed_count: u64,
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // In memory where there is such a place: what a sync costs is not the question here.
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let path = parent.join(format!("oddsengine-fuzz-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the folder can be made");
        Self(path)
    }

    fn journal(&self) -> PathBuf {
        self.0.join("journal.db")
    }

    fn read(&self) -> Files {
        SUFFIXES.map(|suffix| std::fs::read(self.file(suffix)).ok())
    }

    fn file(&self, suffix: &str) -> PathBuf {
        self.0.join(format!("journal.db{suffix}"))
    }

    fn write(&self, files: &Files) {
        for (suffix, bytes) in SUFFIXES.iter().zip(files) {
            if let Some(bytes) = bytes {
                std::fs::write(self.file(suffix), bytes).expect("the file can be written");
            }
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn record(seq: u64) -> Vec<u8> {
    let mut bytes = format!("record-{seq:06}-").into_bytes();
    bytes.extend((0..20 + seq * 37 % 90).map(|index| (seq.wrapping_mul(index + 7) >> 2) as u8));
    bytes
}

fn originals() -> &'static Originals {
    static ORIGINALS: OnceLock<Originals> = OnceLock::new();
    ORIGINALS.get_or_init(|| {
        let folder = Folder::new();
        let mut seq = 0;
        let mut old = Files::default();
        for opening in 0..3 {
            let (journal, _) = Journal::open(folder.journal(), OpenOptions::default()).expect("it opens");
            let mut writer = journal.into_writer().expect("it starts");
            for group in 0..4 {
                for _ in 0..=group * 2 {
                    seq = writer.append(&record(seq + 1)).expect("it is taken");
                }
                writer.flush().expect("it is taken");
                assert!(writer.wait_durable(seq, std::time::Duration::from_secs(60)).expect("it is kept"));
            }
            if opening == 1 {
                writer.write_snapshot(seq, 1, whole([7; 16], vec![3; 20_000])).expect("it is taken");
            }
            writer.close().expect("it closes");
            if opening == 0 {
                old = folder.read();
            }
        }
        let (closed, closed_count) = (folder.read(), seq);
        let (journal, _) = Journal::open(folder.journal(), OpenOptions::default()).expect("it opens");
        let mut writer = journal.into_writer().expect("it starts");
        for _ in 0..5 {
            seq = writer.append(&record(seq + 1)).expect("it is taken");
            writer.flush().expect("it is taken");
            assert!(writer.wait_durable(seq, std::time::Duration::from_secs(60)).expect("it is kept"));
        }
        let crashed = folder.read();
        drop(writer);
        Originals { closed, crashed, old, closed_count, crashed_count: seq }
    })
}

/// Which files, and what is done to them.
pub fn journal(data: &[u8]) {
    let originals = originals();
    let mut bytes = Bytes(data);
    let (before, count) = match bytes.u8() % 2 {
        0 => (&originals.closed, originals.closed_count),
        _ => (&originals.crashed, originals.crashed_count),
    };
    let mut files = before.clone();
    for _ in 0..CHANGES_MAX {
        if bytes.is_empty() {
            break;
        }
        change(&mut files, &mut bytes, originals);
    }
    check(before, &files, count);
}

fn change(files: &mut Files, bytes: &mut Bytes<'_>, originals: &Originals) {
    let which = usize::from(bytes.u8() % 3);
    let operation = bytes.u8() % 9;
    let Some(file) = &mut files[which] else { return };
    let size = file.len().max(1);
    let at = bytes.u32() as usize % size;
    match operation {
        0 => flip(file, at, bytes.u8() % 8),
        1 => {
            let new = bytes.array::<4>();
            overwrite(file, at, &new);
        }
        2 => file.truncate(at),
        3 => file.extend_from_slice(&bytes.array::<64>()),
        4 => overwrite(file, at / 512 * 512, &[0; 512]),
        5 => overwrite(file, at / 4096 * 4096, &[0; 4096]),
        6 => {
            // One page lands on another.
            let from = bytes.u32() as usize % size / 4096 * 4096;
            let page = file[from..(from + 4096).min(file.len())].to_vec();
            overwrite(file, at / 4096 * 4096, &page);
        }
        7 => files[which] = None,
        // Putting back an older mark as well would be a rollback of everything, which nothing here can show.
        _ if which < 2 => files[which].clone_from(&originals.old[which]),
        _ => {}
    }
}

fn flip(file: &mut [u8], at: usize, bit: u8) {
    if let Some(byte) = file.get_mut(at) {
        *byte ^= 1 << bit;
    }
}

fn overwrite(file: &mut [u8], at: usize, new: &[u8]) {
    for (old, &new) in file.iter_mut().skip(at).zip(new) {
        *old = new;
    }
}

fn check(before: &Files, files: &Files, count: u64) {
    let is_gone = |file: &Option<Vec<u8>>| file.as_ref().is_none_or(Vec::is_empty);
    let folder = Folder::new();
    folder.write(files);
    let path = folder.journal();
    // Reading tools see the same files first.
    let report = verify(&path);
    let mut read_count = 0;
    let replayed = replay(&path, 1, &mut |seq, _, bytes| {
        assert!(bytes == record(seq), "record {seq} is read as something else");
        read_count += 1;
        Ok(())
    });
    // All of it: a start that proves from its snapshot does not see what is missing before.
    match Journal::open(&path, OpenOptions { verify: VerifyScope::All, ..OpenOptions::default() }) {
        Err(JournalError::Damaged { damages, .. }) => {
            assert!(!damages.is_empty());
            for damage in &damages {
                assert!(!damage.to_string().is_empty() && !damage.loss().to_string().is_empty());
            }
            if let Ok(report) = report {
                assert!(!report.is_sound(), "refused, and yet verified: {damages:?}");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok((_, recovered)) if files.iter().all(is_gone) => assert!(recovered.is_new),
        Ok((journal, recovered)) => {
            let mut kept_count = 0;
            let visited = journal.replay(1, &mut |seq, _, bytes| {
                kept_count += 1;
                assert_eq!(seq, kept_count);
                assert!(bytes == record(seq), "record {seq} changed");
                Ok(())
            });
            assert_eq!(visited.expect("an open journal can be read"), kept_count);
            assert_eq!(recovered.last_seq, kept_count);
            assert!(kept_count <= count);
            assert_eq!(read_count, kept_count, "{replayed:?}");
            if let Some(snapshot) = &recovered.snapshot {
                assert!(snapshot.seq <= kept_count && snapshot.parts[0].1 == [3; 20_000]);
            }
            // The end of the log and the newest slot of the mark are two faults: only the second proves the first.
            let mark_changed = files[2] != before[2];
            assert!(mark_changed || kept_count == count, "{kept_count} of {count} records are left");
        }
    }
}
