//! Walks one of the hottest paths so many times, for a tool that counts what that costs: `hot-path simple 1000`.
//! Without arguments it names the paths.

use std::process::ExitCode;

use pgherd_bench::Path;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, times] = arguments.as_slice() else {
        Path::ALL.iter().for_each(|path| println!("{}", path.name()));
        return ExitCode::SUCCESS;
    };
    let (Some(path), Ok(times)) = (Path::named(name), times.parse::<u32>()) else {
        eprintln!("hot-path PATH TIMES; without arguments it names the paths");
        return ExitCode::from(2);
    };
    let mut walk = path.prepare();
    for _ in 0..times {
        walk.once();
    }
    ExitCode::SUCCESS
}
