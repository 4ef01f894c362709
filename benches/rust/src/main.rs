//! The command line of the benches; see the library.

use std::process::ExitCode;

use oddsengine_benches::report::Report;
use oddsengine_benches::{BENCHES, Scale, ops};

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut flag = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.remove(place);
        Some(place)
    };
    let scale = if flag("--quick").is_some() { Scale::Quick } else { Scale::Full };
    let json = flag("--json").map(|place| arguments.remove(place));
    match arguments.first().map(String::as_str) {
        Some("ops") => ops::OPS.iter().for_each(|(name, _)| println!("{name}")),
        Some("op") => return one_op(&arguments[1..]),
        _ => {
            let all = arguments.is_empty() || arguments.iter().any(|name| name == "all");
            let unknown = arguments
                .iter()
                .find(|name| *name != "all" && BENCHES.iter().all(|(known, _)| known != name));
            if let Some(name) = unknown {
                let known: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
                eprintln!("{name:?} is not a bench: all, {}", known.join(", "));
                return ExitCode::FAILURE;
            }
            let mut report = Report::new(scale);
            for (name, run) in BENCHES {
                if all || arguments.iter().any(|argument| argument == name) {
                    run(scale, &mut report);
                }
            }
            if let Some(path) = json {
                std::fs::write(&path, report.to_json()).expect("the file of results can be written");
            }
        }
    }
    ExitCode::SUCCESS
}

/// Runs one operation a fixed number of times, for a tool that counts instructions.
fn one_op(arguments: &[String]) -> ExitCode {
    let [name, count] = arguments else {
        eprintln!("op NAME COUNT");
        return ExitCode::FAILURE;
    };
    let (Some((_, make)), Ok(count)) = (ops::OPS.iter().find(|(known, _)| known == name), count.parse())
    else {
        eprintln!("{name:?} is not an operation, or {count:?} not a count");
        return ExitCode::FAILURE;
    };
    // The state is the same for every count: the difference of two counts is the operations alone.
    let mut op = make(ops::Size::COUNTED);
    (0..count).for_each(|index| op.step(index));
    println!("{name}: {count} operations, checked: {}", op.check(count));
    ExitCode::SUCCESS
}
