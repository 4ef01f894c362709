//! Replays what the fuzzer keeps: the corpus, and the inputs that once broke something. `tests/fuzz/README.md`.

use std::path::Path;

#[path = "../../../tests/fuzz/src/targets/mod.rs"]
mod targets;

fn replay(folder: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz").join(folder);
    let (mut input_count, mut targets_seen) = (0, 0);
    for (name, target) in targets::ALL {
        let Ok(entries) = std::fs::read_dir(root.join(name)) else { continue };
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        targets_seen += usize::from(!paths.is_empty());
        for path in paths {
            let bytes = std::fs::read(&path).unwrap();
            if let Err(cause) = std::panic::catch_unwind(|| target(&bytes)) {
                eprintln!("{name} fails on {}", path.display());
                std::panic::resume_unwind(cause);
            }
            input_count += 1;
        }
    }
    println!("{folder}: {input_count} inputs of {targets_seen} targets");
}

#[test]
fn the_corpus_holds() {
    replay("corpus");
}

#[test]
fn nothing_breaks_again() {
    replay("regressions");
}

/// Inputs that every target must stand without a corpus.
#[test]
fn plain_inputs() {
    for (_, target) in targets::ALL {
        target(b"");
        target(&[0; 300]);
        target(&[0xff; 300]);
        target(&(0..=255).collect::<Vec<u8>>());
    }
}
