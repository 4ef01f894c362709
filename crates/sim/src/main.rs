//! `oddsengine-sim`: seeded simulations of both engines, until a number of runs or minutes is over.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use oddsengine_sim::coverage::{COMPLETE_STEPS, Coverage};
use oddsengine_sim::workload::{self, Sports};

const USAGE: &str =
    "usage: oddsengine-sim [--steps N] [--seed S] [--runs R] [--minutes M] [--sport S] [--threads T] [--hash] [--coverage]

  --steps N     steps of each run (4000)
  --seed S      the first seed; the runs after it take the next ones (taken from the clock)
  --runs R      number of runs (10)
  --minutes M   fresh seeds until so many minutes are over, instead of --runs
  --sport S     football, tennis, racing, space, or mixed: all side by side (mixed)
  --threads T   runs side by side (1)
  --hash        run the fast engine alone, print the hash of the final state and nothing else
  --coverage    print what happened, counted";

struct Options {
    steps: usize,
    seed: Option<u64>,
    runs: u64,
    minutes: Option<f64>,
    sports: Sports,
    threads: usize,
    prints_hash: bool,
    prints_coverage: bool,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)) {
        Ok(options) => simulate(&options),
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        steps: 4_000,
        seed: None,
        runs: 10,
        minutes: None,
        sports: Sports::Mixed,
        threads: 1,
        prints_hash: false,
        prints_coverage: false,
    };
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{name} needs a value"));
        let wrong = |value: &str| format!("{value:?} is not a value of {name}");
        match name.as_str() {
            "--steps" => options.steps = value().and_then(|v| v.parse().map_err(|_| wrong(&v)))?,
            "--seed" => options.seed = Some(value().and_then(|v| v.parse().map_err(|_| wrong(&v)))?),
            "--runs" => options.runs = value().and_then(|v| v.parse().map_err(|_| wrong(&v)))?,
            "--minutes" => options.minutes = Some(value().and_then(|v| v.parse().map_err(|_| wrong(&v)))?),
            "--sport" => {
                options.sports = value().and_then(|v| Sports::from_name(&v).ok_or_else(|| wrong(&v)))?
            }
            "--threads" => options.threads = value().and_then(|v| v.parse().map_err(|_| wrong(&v)))?,
            "--hash" => options.prints_hash = true,
            "--coverage" => options.prints_coverage = true,
            "--help" | "-h" => return Err("both engines side by side, compared after every command".into()),
            _ => return Err(format!("{name:?} is not an option")),
        }
    }
    Ok(options)
}

fn simulate(options: &Options) -> ExitCode {
    let universe = workload::universe_of(options.sports);
    let first = options.seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.as_nanos() as u64 % 1_000_000_000
    });
    if options.prints_hash {
        return match workload::run_alone(&universe, first, options.steps) {
            Ok(report) => {
                println!("{}", report.hash);
                ExitCode::SUCCESS
            }
            Err(failure) => {
                eprintln!("{failure}");
                ExitCode::FAILURE
            }
        };
    }
    let started = Instant::now();
    let limit = options.minutes.map(|minutes| Duration::from_secs_f64(minutes * 60.0));
    let (next, total) = (AtomicU64::new(0), Mutex::new((Coverage::default(), 0_u64, None)));
    std::thread::scope(|scope| {
        for _ in 0..options.threads.clamp(1, 64) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let is_in_time = limit.map_or(index < options.runs, |limit| started.elapsed() < limit);
                    if !is_in_time || total.lock().expect("no run panicked").2.is_some() {
                        return;
                    }
                    let result = workload::run(&universe, first + index, options.steps);
                    let mut total = total.lock().expect("no run panicked");
                    match result {
                        Ok(report) => {
                            println!("seed {}: {} steps, hash {}", report.seed, report.steps, report.hash);
                            total.0.add(&report.coverage);
                            total.1 += 1;
                        }
                        Err(failure) => total.2 = Some(failure),
                    }
                }
            });
        }
    });
    let (coverage, run_count, failure) = total.into_inner().expect("no run panicked");
    if let Some(failure) = failure {
        println!("{failure}");
        return ExitCode::FAILURE;
    }
    let step_count = run_count as usize * options.steps;
    if options.prints_coverage {
        print!("{coverage}");
    }
    let seconds = started.elapsed().as_secs_f64();
    let unseen = coverage.unseen();
    if options.sports == Sports::Mixed && step_count >= COMPLETE_STEPS && !unseen.is_empty() {
        println!("{step_count} steps and not one case of: {}", unseen.join(", "));
        return ExitCode::FAILURE;
    }
    println!(
        "{run_count} runs, {step_count} steps, {} commands in {seconds:.1} s: both engines agree",
        coverage.count("command")
    );
    ExitCode::SUCCESS
}
