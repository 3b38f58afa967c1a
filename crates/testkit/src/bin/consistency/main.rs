//! Writes and reads back in many sessions at once, through pgherd and standbys that lag, and counts the reads that are
//! older than the session's last write or last read.
//!
//! With `read_consistency = session` there may be none; with `eventual` some have to be found, or this program sees
//! nothing. How many reads the standbys answered is counted too: it would be easy to be consistent on the primary
//! alone.

mod act;
mod disturb;
mod play;
mod session;
mod tally;

use std::process::ExitCode;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::play::Play;
use crate::tally::Tally;

const USAGE: &str = "\
usage: consistency [--expect fresh|stale] [--seconds N] [--sessions N] [--seed N] [--set 'NAME = VALUE']...

  --expect fresh   no read may be older than what its session wrote or read before (default)
  --expect stale   some have to be: pgherd is told not to care
  --seconds N      how long (10)
  --sessions N     how many sessions at once (200)
  --seed N         where the random choices begin (1)
  --set LINE       a line for pgherd's configuration
";

/// The least share of reads, in percent, that standbys have to answer for the run to prove anything about them.
const STANDBYS_PERCENT: u64 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Fresh,
    Stale,
}

struct Options {
    expect: Expect,
    play: Play,
}

fn main() -> ExitCode {
    let options = match parse() {
        Ok(options) => options,
        Err(error) => {
            eprint!("consistency: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let tally = options.play.run();
    print!("{tally}");
    let complaints = complaints(&tally, options.expect);
    complaints.iter().for_each(|complaint| println!("FAIL {complaint}"));
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse() -> Result<Options, lexopt::Error> {
    let mut parser = Parser::from_env();
    let mut expect = Expect::Fresh;
    let mut play = Play { seconds: Duration::from_secs(10), sessions: 200, seed: 1, settings: String::new() };
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("expect") => {
                expect = match parser.value()?.string()?.as_str() {
                    "fresh" => Expect::Fresh,
                    "stale" => Expect::Stale,
                    other => return Err(format!("nobody can expect `{other}`").into()),
                }
            }
            Arg::Long("seconds") => play.seconds = Duration::from_secs(parser.value()?.parse()?),
            Arg::Long("sessions") => play.sessions = parser.value()?.parse()?,
            Arg::Long("seed") => play.seed = parser.value()?.parse()?,
            Arg::Long("set") => play.settings.push_str(&format!("{}\n", parser.value()?.string()?)),
            Arg::Short(_) | Arg::Long(_) | Arg::Value(_) => return Err(arg.unexpected()),
        }
    }
    Ok(Options { expect, play })
}

fn complaints(tally: &Tally, expect: Expect) -> Vec<String> {
    let mut all = Vec::new();
    let reads = tally.reads();
    match expect {
        Expect::Fresh => {
            all.extend(tally.examples.iter().cloned());
            if tally.older() > 0 {
                all.push(format!("{} of {reads} reads were older than they may be", tally.older()));
            }
        }
        Expect::Stale if tally.older() == 0 => {
            all.push(format!("none of {reads} reads was old, although pgherd was told not to care"));
        }
        Expect::Stale => {}
    }
    if tally.on_standbys() * 100 < reads * STANDBYS_PERCENT {
        all.push(format!("standbys answered only {} of {reads} reads", tally.on_standbys()));
    }
    all.extend(tally.errors.iter().map(|error| format!("a session failed: {error}")));
    all
}
