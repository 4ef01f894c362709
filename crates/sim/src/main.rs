//! `oddsengine-sim`: seeded simulations of both engines, until a number of runs or minutes is over.

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use oddsengine_sim::coverage::Coverage;
use oddsengine_sim::workload::{self, Sports};

const USAGE: &str =
    "usage: oddsengine-sim [--steps N] [--seed S] [--runs R] [--minutes M] [--sport S] [--hash] [--coverage]

  --steps N     steps of each run (4000)
  --seed S      the first seed; the runs after it take the next ones (taken from the clock)
  --runs R      number of runs (10)
  --minutes M   fresh seeds until so many minutes are over, instead of --runs
  --sport S     football, tennis, racing, space, or mixed: all side by side (mixed)
  --hash        run the fast engine alone, print the hash of the final state and nothing else
  --coverage    print what happened, counted";

struct Options {
    steps: usize,
    seed: Option<u64>,
    runs: u64,
    minutes: Option<f64>,
    sports: Sports,
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
            "--sport" => options.sports = value().and_then(|v| Sports::from_name(&v).ok_or_else(|| wrong(&v)))?,
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
    let (mut coverage, mut run_count, mut step_count) = (Coverage::default(), 0, 0);
    while limit.map_or(run_count < options.runs, |limit| started.elapsed() < limit) {
        let seed = first + run_count;
        match workload::run(&universe, seed, options.steps) {
            Ok(report) => {
                println!("seed {seed}: {} steps, hash {}", report.steps, report.hash);
                coverage.add(&report.coverage);
            }
            Err(failure) => {
                println!("{failure}");
                return ExitCode::FAILURE;
            }
        }
        (run_count, step_count) = (run_count + 1, step_count + options.steps);
    }
    if options.prints_coverage {
        print!("{coverage}");
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{run_count} runs, {step_count} steps, {} commands in {seconds:.1} s: both engines agree",
        coverage.count("command")
    );
    ExitCode::SUCCESS
}
