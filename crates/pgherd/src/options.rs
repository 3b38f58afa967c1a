use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};
use pgherd_server::{StartOptions, StopMode, default_file};

/// What the command line asks for.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    /// Print what can be asked for.
    Help,
    /// Print the version.
    Version,
    /// Serve.
    Start(Start),
    /// Stop the running one.
    Stop {
        /// The configuration that names its pid file.
        configuration: PathBuf,
        /// How.
        mode: StopMode,
    },
    /// Make the running one reload.
    Reload {
        /// The configuration that names its pid file.
        configuration: PathBuf,
    },
    /// Look at a configuration file.
    ConfigCheck {
        /// Which.
        file: PathBuf,
    },
    /// Print a configuration file.
    ConfigSample,
    /// `sandbox`, with the words behind it.
    Sandbox(Vec<OsString>),
}

/// How to serve.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    /// What the server wants to know.
    pub(crate) options: StartOptions,
    /// Stay in the foreground, `-n`.
    pub(crate) foreground: bool,
}

/// The hidden option with which the program starts itself again in the background.
pub(crate) const DETACHED: &str = "detached";

/// The options of Pgpool-II, as they were given.
#[derive(Default)]
struct Given {
    configuration: Option<PathBuf>,
    mode: StopMode,
    foreground: bool,
    discard_status: bool,
    debug: bool,
    detached: bool,
    words: Vec<OsString>,
}

/// Understands a command line, without the program's name.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    let mut parser = Parser::from_args(args);
    let mut given = Given::default();
    while let Some(arg) = parser.next().map_err(text)? {
        match arg {
            Arg::Short('h' | '?') | Arg::Long("help") => return Ok(Request::Help),
            Arg::Short('v') | Arg::Long("version") => return Ok(Request::Version),
            Arg::Value(word) if given.words.is_empty() && word == "sandbox" => {
                let rest = parser.raw_args().map_err(text)?;
                return Ok(Request::Sandbox(rest.collect()));
            }
            Arg::Value(word) => given.words.push(word),
            Arg::Short(letter) => given.short(letter, &mut parser)?,
            Arg::Long(DETACHED) => given.detached = true,
            Arg::Long(name) => {
                let letter = long(name)?;
                given.short(letter, &mut parser)?;
            }
        }
    }
    given.request()
}

impl Given {
    /// Takes an option by its letter.
    fn short(&mut self, letter: char, parser: &mut Parser) -> Result<(), String> {
        match letter {
            'f' => self.configuration = Some(parser.value().map_err(text)?.into()),
            // Nothing reads these files yet; that they can be read is checked by what will.
            'F' | 'a' | 'k' => drop(parser.value().map_err(text)?),
            'm' => {
                let word = parser.value().map_err(text)?.string().map_err(text)?;
                self.mode = StopMode::parse(&word)
                    .ok_or_else(|| format!("there is no mode \"{word}\"; use smart, fast or immediate"))?;
            }
            'n' => self.foreground = true,
            'd' => self.debug = true,
            'D' => self.discard_status = true,
            // Pgpool-II's checks of its memory, and its files of the query cache.
            'x' | 'C' => {}
            other => return Err(format!("there is no option -{other}")),
        }
        Ok(())
    }

    fn request(self) -> Result<Request, String> {
        let words: Option<Vec<&str>> = self.words.iter().map(|word| word.to_str()).collect();
        let words = words.ok_or("the command is not UTF-8")?;
        let configuration = || match &self.configuration {
            Some(path) => path.clone(),
            None => default_file("pgpool.conf"),
        };
        match words.as_slice() {
            [] => Ok(Request::Start(Start {
                options: StartOptions {
                    configuration: configuration(),
                    discard_status: self.discard_status,
                    debug: self.debug,
                    detached: self.detached,
                },
                foreground: self.foreground,
            })),
            ["stop"] => Ok(Request::Stop { configuration: configuration(), mode: self.mode }),
            ["reload"] => Ok(Request::Reload { configuration: configuration() }),
            ["config", "check", file] => Ok(Request::ConfigCheck { file: PathBuf::from(file) }),
            ["config", "sample"] => Ok(Request::ConfigSample),
            ["config", ..] => Err("say \"config check FILE\" or \"config sample\"".to_owned()),
            words => Err(format!("there is no command \"{}\"", words.join(" "))),
        }
    }
}

/// Long options and the letters that mean the same.
const LONG: [(&str, char); 10] = [
    ("config-file", 'f'),
    ("pcp-file", 'F'),
    ("hba-file", 'a'),
    ("key-file", 'k'),
    ("dont-detach", 'n'),
    ("debug", 'd'),
    ("debug-assertions", 'x'),
    ("clear-oidmaps", 'C'),
    ("discard-status", 'D'),
    ("mode", 'm'),
];

/// The letter of a long option.
fn long(name: &str) -> Result<char, String> {
    let known = LONG.iter().find(|(long, _)| *long == name);
    known.map(|(_, letter)| *letter).ok_or_else(|| format!("there is no option --{name}"))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use pgherd_server::StopMode;

    use super::{Request, parse};

    fn request(line: &str) -> Result<Request, String> {
        parse(line.split_whitespace().map(Into::into))
    }

    #[test]
    fn options_as_the_regression_tests_of_pgpool_give_them() {
        let Ok(Request::Start(start)) = request("-d -D -n -f a/pgpool.conf -F b -a c") else { panic!() };
        assert!(start.foreground && start.options.debug && start.options.discard_status);
        assert_eq!(start.options.configuration, Path::new("a/pgpool.conf"));
        let Ok(Request::Stop { configuration, mode }) = request("-D -n -f x -m f stop") else { panic!() };
        assert_eq!((configuration.as_path(), mode), (Path::new("x"), StopMode::Fast));
        let Ok(Request::Stop { mode, .. }) = request("stop --mode=immediate -fx") else { panic!() };
        assert_eq!(mode, StopMode::Immediate);
        assert!(matches!(request("-f x reload"), Ok(Request::Reload { .. })));
        let Ok(Request::Start(start)) = request("-nxCdD --key-file k") else { panic!() };
        assert!(start.foreground && start.options.discard_status && !start.options.detached);
    }

    #[test]
    fn everything_else() {
        for help in ["-h", "-?", "--help", "-f x --help"] {
            assert!(matches!(request(help), Ok(Request::Help)), "{help}");
        }
        for version in ["-v", "--version"] {
            assert!(matches!(request(version), Ok(Request::Version)), "{version}");
        }
        assert!(matches!(request("config check x"), Ok(Request::ConfigCheck { .. })));
        assert!(matches!(request("config sample"), Ok(Request::ConfigSample)));
        let Ok(Request::Sandbox(rest)) = request("sandbox up --dir x") else { panic!() };
        assert_eq!(rest, ["up", "--dir", "x"]);
        for wrong in
            ["-q", "--nonsense", "start", "stop stop", "config", "config check", "-f", "-m now stop", "-n=3"]
        {
            assert!(request(wrong).is_err(), "{wrong}");
        }
    }
}
