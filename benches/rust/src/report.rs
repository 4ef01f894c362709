//! Percentiles, targets and conditions: what a bench prints.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::Scale;

/// What was measured, with the conditions under which.
#[derive(Debug)]
pub struct Report {
    conditions: Value,
    rows: Vec<Value>,
}

/// Percentiles of several runs of one thing, in nanoseconds.
#[derive(Debug, Default)]
pub struct Latencies {
    runs: Vec<Histogram<u64>>,
}

impl Latencies {
    /// Starts another run: percentiles are the median over the runs, so that one bad second of a shared machine
    /// does not decide.
    pub fn next_run(&mut self) {
        self.runs.push(Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("a minute is in bounds"));
    }

    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let run = self.runs.last_mut().expect("a run was started");
        run.saturating_record(duration.as_nanos() as u64);
    }

    /// The median over the runs of a quantile, in nanoseconds.
    pub fn at(&self, quantile: f64) -> u64 {
        let mut values: Vec<u64> = self.runs.iter().map(|run| run.value_at_quantile(quantile)).collect();
        values.sort_unstable();
        values[values.len() / 2]
    }

    /// The least over the runs of a quantile: the quietest run, where neighbours on the machine disturbed least.
    pub fn least(&self, quantile: f64) -> u64 {
        self.runs.iter().map(|run| run.value_at_quantile(quantile)).min().unwrap_or(0)
    }

    /// The longest of all runs.
    pub fn max(&self) -> u64 {
        self.runs.iter().map(Histogram::max).max().unwrap_or(0)
    }

    fn count(&self) -> u64 {
        self.runs.iter().map(Histogram::len).sum()
    }
}

/// What the design asks of a row.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// Nothing.
    None,
    /// At most this many nanoseconds at p50 and at p99 (0: not asked).
    Latency(u64, u64),
    /// At least so many a second.
    Rate(f64),
    /// At most so many of the row's unit.
    Most(f64),
}

impl Report {
    /// An empty report; prints the conditions.
    pub fn new(scale: Scale) -> Self {
        let conditions = conditions(scale);
        println!("{}", conditions.as_object().map(as_lines).unwrap_or_default());
        Self { conditions, rows: Vec::new() }
    }

    /// A heading, with what is and is not included.
    pub fn heading(&self, title: &str, text: &str) {
        println!("\n{title}\n  {text}");
        println!(
            "  {:<54} {:>9} {:>9} {:>9} {:>9} {:>9}  target",
            "", "p50", "p99", "quiet p99", "p99.9", "max"
        );
    }

    /// Percentiles. `checked` says what was compared before this was called.
    pub fn latencies(&mut self, name: &str, latencies: &Latencies, per: u32, target: Target, checked: &str) {
        let ns = |value: u64| value as f64 / f64::from(per);
        let [p50, p99, p99_9] = [0.5, 0.99, 0.999].map(|quantile| ns(latencies.at(quantile)));
        let (max, quiet) = (ns(latencies.max()), ns(latencies.least(0.99)));
        let (asked, met) = match target {
            Target::Latency(most_p50, most_p99) => {
                let met = p50 <= most_p50 as f64 && (most_p99 == 0 || p99 <= most_p99 as f64);
                let p99 = if most_p99 == 0 { String::new() } else { format!(" / {}", time(most_p99 as f64)) };
                (format!("{}{p99}", time(most_p50 as f64)), Some(met))
            }
            _ => (String::new(), None),
        };
        let verdict = verdict(met);
        println!(
            "  {name:<54} {:>9} {:>9} {:>9} {:>9} {:>9}  {asked} {verdict}",
            time(p50),
            time(p99),
            time(quiet),
            time(p99_9),
            time(max)
        );
        self.rows.push(json!({
            "name": name, "unit": "ns", "count": latencies.count() * u64::from(per), "p50": p50, "p99": p99,
            "p99_quietest_run": quiet, "p99_9": p99_9, "max": max, "per_sample": per, "target": asked, "met": met, "checked": checked,
        }));
    }

    /// One figure: a rate, a size.
    pub fn figure(&mut self, name: &str, value: f64, unit: &str, target: Target, checked: &str) {
        let (asked, met) = match target {
            Target::Rate(least) => (format!("≥ {least:.0}"), Some(value >= least)),
            Target::Most(most) => (format!("≤ {most}"), Some(value <= most)),
            _ => (String::new(), None),
        };
        let text = if value >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.2}") };
        println!("  {name:<54} {text:>9} {unit:<32}  {asked} {}", verdict(met));
        self.rows.push(json!({
            "name": name, "unit": unit, "value": value, "target": asked, "met": met, "checked": checked,
        }));
    }

    /// Everything as JSON.
    pub fn to_json(&self) -> String {
        let all = json!({"conditions": self.conditions, "rows": self.rows});
        serde_json::to_string_pretty(&all).expect("numbers and text") + "\n"
    }
}

fn verdict(met: Option<bool>) -> &'static str {
    match met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "",
    }
}

fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1_000.0 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.2} us", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

fn as_lines(conditions: &serde_json::Map<String, Value>) -> String {
    conditions.iter().fold(String::new(), |mut text, (name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_string);
        let _ = writeln!(text, "{name:<12} {value}");
        text
    })
}

/// The machine and the moment.
fn conditions(scale: Scale) -> Value {
    let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu_info = file("/proc/cpuinfo");
    let cpu = cpu_info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let load = file("/proc/loadavg");
    let rustc = std::process::Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string());
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    json!({
        "date": date(seconds),
        "cpu": cpu.trim_start_matches([' ', '\t', ':']),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "load": load.split(' ').take(3).collect::<Vec<_>>().join(" "),
        "rustc": rustc.unwrap_or_default(),
        "build": if cfg!(debug_assertions) { "debug" } else { "release, lto thin" },
        "scale": if scale == Scale::Full { "full" } else { "quick" },
    })
}

/// Year, month and day of Unix seconds. H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn date(seconds: u64) -> String {
    let days = (seconds / 86_400) as i64 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(1_668_960_134), "2022-11-20");
        assert_eq!(date(1_709_164_800), "2024-02-29");
    }
}
