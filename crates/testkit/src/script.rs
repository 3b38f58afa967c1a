use core::fmt;
use std::collections::BTreeMap;

use crate::client::{Client, ClientError};
use crate::message::Message;
use crate::request::{Format, Param, Request};
use crate::target::Target;

/// What one or more clients send and when they read, from a text of one step per line:
///
/// ```text
/// # a comment
/// Query "SELECT 1"
/// +Parse s "SELECT $1::int" 23
/// +Bind "" s 5 null x0001 -> binary
/// +Describe P ""
/// +Execute "" 10
/// Sync
/// @other Query "NOTIFY c"
/// ```
///
/// Words hold no blanks unless they are quoted, with `\n`, `\t`, `\\`, `\"` and `\xNN` inside the quotes. A step
/// behind which an answer is due (`Query`, `Sync`, `Function`, `CopyDone` and `CopyFail` of a simple query) is followed
/// by reading up to ReadyForQuery or a CopyInResponse; with a `+` before it nothing is read. `Read N` reads up to
/// the Nth ReadyForQuery, `Next N` N messages (with 0 what waits to be sent is sent, and nothing read), `Closed` to the
/// end of the connection. `@name` before all of it is the client; clients connect at their first step.
#[derive(Clone, Debug)]
pub struct Script {
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    line: usize,
    client: String,
    act: Act,
}

#[derive(Clone, Debug)]
enum Act {
    /// Send, and then perhaps read up to ReadyForQuery.
    Send(Request, bool),
    /// Read up to the Nth ReadyForQuery.
    Read(usize),
    /// Read so many messages.
    Next(usize),
    /// Read up to the end of the connection.
    Closed,
}

/// How the messages of a script are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// All that is sent up to the next read goes out at once, as drivers do it.
    Together,
    /// Each message on its own.
    Apart,
}

/// A line that is no step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// The line's number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl core::error::Error for ScriptError {}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// The first line that is no step.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut steps = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let fault = |problem| ScriptError { line: i + 1, problem };
            let words = words(line).map_err(fault)?;
            if !words.is_empty() {
                let (client, act) = step(&words).map_err(fault)?;
                steps.push(Step { line: i + 1, client, act });
            }
        }
        Ok(Script { steps })
    }

    /// Runs the script and returns what the clients saw: a line per message, with the client's name before it
    /// when it is not the nameless one, and a line per failure of a connection.
    pub fn run(&self, target: &Target, writes: Writes) -> Vec<String> {
        let mut clients: BTreeMap<&str, Client> = BTreeMap::new();
        let mut seen = Vec::new();
        for step in &self.steps {
            let name = step.client.as_str();
            let prefix = if name.is_empty() { String::new() } else { format!("@{name} ") };
            let mut show = |text: String| seen.push(format!("{prefix}{text}"));
            if !clients.contains_key(name) {
                match target.connect() {
                    Ok(client) => drop(clients.insert(name, client)),
                    Err(error) => {
                        show(format!("no connection: {error}"));
                        return seen;
                    }
                }
            }
            let Some(client) = clients.get_mut(name) else { continue };
            if let Err(error) = step.act.perform(client, writes, &mut |message| show(message.text())) {
                seen.push(format!("{prefix}line {}: {error}", step.line));
            }
        }
        for client in clients.values_mut() {
            // The connection may be gone: then there is nobody to say goodbye to.
            let _ = client.send(&[Request::Terminate]);
        }
        seen
    }
}

impl Act {
    fn perform(
        &self,
        client: &mut Client,
        writes: Writes,
        show: &mut impl FnMut(&Message),
    ) -> Result<(), ClientError> {
        match self {
            Act::Send(request, read) => {
                match writes {
                    Writes::Together => client.queue(request),
                    Writes::Apart => client.send(std::slice::from_ref(request))?,
                }
                if *read { read_ready(client, 1, true, show) } else { Ok(()) }
            }
            Act::Read(count) => read_ready(client, *count, false, show),
            Act::Next(0) => client.flush(),
            Act::Next(count) => (0..*count).try_for_each(|_| client.read().map(|message| show(&message))),
            Act::Closed => loop {
                match client.read() {
                    Ok(message) => show(&message),
                    Err(ClientError::Closed) => return Ok(()),
                    Err(error) => return Err(error),
                }
            },
        }
    }
}

fn read_ready(
    client: &mut Client,
    count: usize,
    stop_at_copy: bool,
    show: &mut impl FnMut(&Message),
) -> Result<(), ClientError> {
    let mut left = count;
    while left > 0 {
        let message = client.read()?;
        show(&message);
        if message.ready().is_some() || (stop_at_copy && message.kind == b'G') {
            left -= 1;
        }
    }
    Ok(())
}

/// A word of a line, and whether it was quoted: `null` is NULL, `"null"` is text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    text: Vec<u8>,
    quoted: bool,
}

impl Word {
    fn string(&self) -> Result<String, String> {
        String::from_utf8(self.text.clone()).map_err(|_| "a word is no UTF-8 text".to_owned())
    }

    fn number(&self) -> Result<u32, String> {
        let text = self.string()?;
        text.parse().map_err(|_| format!("`{text}` is no number"))
    }

    fn param(&self) -> Result<Param, String> {
        let text = self.string();
        match text.as_deref() {
            Ok("null") if !self.quoted => Ok(Param::Null),
            Ok(hex) if !self.quoted && hex.starts_with('x') => hex_bytes(hex).map(Param::Binary),
            Ok(text) => Ok(Param::Text(text.to_owned())),
            Err(_) => Ok(Param::Binary(self.text.clone())),
        }
    }
}

fn hex_bytes(word: &str) -> Result<Vec<u8>, String> {
    let digits = word.strip_prefix('x').unwrap_or(word);
    let byte = |pair: &[u8]| {
        let text = core::str::from_utf8(pair).ok().filter(|text| text.len() == 2)?;
        u8::from_str_radix(text, 16).ok()
    };
    let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
    bytes.ok_or_else(|| format!("`{word}` is no row of bytes"))
}

fn words(line: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        match first {
            '#' => break,
            '"' => {
                let (text, after) = quoted(rest.get(1..).unwrap_or_default())?;
                words.push(Word { text, quoted: true });
                rest = after;
            }
            _ => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                let (text, after) = rest.split_at(end);
                words.push(Word { text: text.as_bytes().to_vec(), quoted: false });
                rest = after;
            }
        }
        rest = rest.trim_start();
    }
    Ok(words)
}

/// The text up to the closing quote, and what follows that.
fn quoted(text: &str) -> Result<(Vec<u8>, &str), String> {
    let mut out = Vec::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((out, text.get(at + 1..).unwrap_or_default())),
            '\\' => match chars.next() {
                Some((_, 'n')) => out.push(b'\n'),
                Some((_, 't')) => out.push(b'\t'),
                Some((_, 'r')) => out.push(b'\r'),
                Some((at, 'x')) => {
                    out.extend(hex_bytes(text.get(at + 1..at + 3).unwrap_or_default())?);
                    chars.next();
                    chars.next();
                }
                Some((_, c)) => out.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
                None => break,
            },
            c => out.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err("a quote is not closed".to_owned())
}

fn step(words: &[Word]) -> Result<(String, Act), String> {
    let (client, words) = match words {
        [first, rest @ ..] if !first.quoted && first.text.starts_with(b"@") => {
            (first.string()?.trim_start_matches('@').to_owned(), rest)
        }
        all => (String::new(), all),
    };
    let Some((verb, args)) = words.split_first() else { return Err("there is no verb".to_owned()) };
    let verb = verb.string()?;
    let (reads, verb) = match verb.strip_prefix('+') {
        Some(verb) => (false, verb),
        None => (true, verb.as_str()),
    };
    let count = |args: &[Word]| args.first().map_or(Ok(1), Word::number).map(|n| n as usize);
    let act = match verb {
        "Read" => Act::Read(count(args)?),
        "Next" => Act::Next(count(args)?),
        "Closed" => Act::Closed,
        _ => {
            let request = request(verb, args)?;
            let answered = answered(&request);
            Act::Send(request, reads && answered)
        }
    };
    Ok((client, act))
}

/// Whether the server is ready again behind this message.
fn answered(request: &Request) -> bool {
    match request {
        Request::Query(_)
        | Request::Sync
        | Request::Function { .. }
        | Request::CopyDone
        | Request::CopyFail(_) => true,
        Request::Parse { .. }
        | Request::Bind { .. }
        | Request::Describe(..)
        | Request::Execute(..)
        | Request::Close(..)
        | Request::Flush
        | Request::CopyData(_)
        | Request::Terminate
        | Request::Raw(_) => false,
    }
}

fn request(verb: &str, args: &[Word]) -> Result<Request, String> {
    let texts = || args.iter().map(Word::string).collect::<Result<Vec<_>, _>>();
    let what = |word: &Word| match word.text.as_slice() {
        [letter @ (b'S' | b'P' | b'?')] => Ok(*letter),
        _ => Err("the first word is not S, P or ?".to_owned()),
    };
    match (verb, args) {
        ("Query", [sql]) => Ok(Request::Query(sql.string()?)),
        ("Parse", [name, sql, types @ ..]) => {
            let types = types.iter().map(Word::number).collect::<Result<_, _>>()?;
            Ok(Request::Parse { name: name.string()?, sql: sql.string()?, types })
        }
        ("Bind", [portal, statement, rest @ ..]) => bind(portal, statement, rest),
        ("Describe", [kind, name]) => Ok(Request::Describe(what(kind)?, name.string()?)),
        ("Execute", [portal]) => Ok(Request::Execute(portal.string()?, 0)),
        ("Execute", [portal, rows]) => Ok(Request::Execute(portal.string()?, rows.number()?)),
        ("Close", [kind, name]) => Ok(Request::Close(what(kind)?, name.string()?)),
        ("Sync", []) => Ok(Request::Sync),
        ("Flush", []) => Ok(Request::Flush),
        ("Function", [oid, rest @ ..]) => {
            let (args, results) = values(rest)?;
            let result = results.first().copied().unwrap_or(Format::Text);
            Ok(Request::Function { oid: oid.number()?, args, result })
        }
        ("CopyData", [data]) => Ok(Request::CopyData(data.text.clone())),
        ("CopyDone", []) => Ok(Request::CopyDone),
        ("CopyFail", [why]) => Ok(Request::CopyFail(why.string()?)),
        ("Terminate", []) => Ok(Request::Terminate),
        ("Raw", [_, ..]) => Ok(Request::Raw(hex_bytes(&texts()?.concat())?)),
        _ => Err(format!("`{verb}` with {} words is no step", args.len())),
    }
}

fn bind(portal: &Word, statement: &Word, rest: &[Word]) -> Result<Request, String> {
    let (params, results) = values(rest)?;
    Ok(Request::Bind { portal: portal.string()?, statement: statement.string()?, params, results })
}

/// Parameters, and behind `->` the formats of the results.
fn values(words: &[Word]) -> Result<(Vec<Param>, Vec<Format>), String> {
    let is_arrow = |word: &Word| !word.quoted && word.text == b"->";
    let (params, formats) = match words.iter().position(is_arrow) {
        Some(at) => (words.get(..at).unwrap_or_default(), words.get(at + 1..).unwrap_or_default()),
        None => (words, [].as_slice()),
    };
    let format = |word: &Word| match word.text.as_slice() {
        b"text" => Ok(Format::Text),
        b"binary" => Ok(Format::Binary),
        _ => Err("a format is neither text nor binary".to_owned()),
    };
    let params = params.iter().map(Word::param).collect::<Result<_, _>>()?;
    Ok((params, formats.iter().map(format).collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::{Script, request, words};
    use crate::request::{Format, Param, Request};

    #[test]
    fn lines_become_requests() {
        let line = r#"Bind "" s "a b\n\x07" null "null" x00ff -> binary # and so on"#;
        let words = words(line).unwrap();
        let expected = Request::Bind {
            portal: String::new(),
            statement: "s".to_owned(),
            params: vec![
                Param::Text("a b\n\x07".to_owned()),
                Param::Null,
                Param::Text("null".to_owned()),
                Param::Binary(vec![0, 255]),
            ],
            results: vec![Format::Binary],
        };
        assert_eq!(request("Bind", &words[1..]), Ok(expected));
    }

    #[test]
    fn what_is_no_step_is_named_by_its_line() {
        let cases = [
            ("\nQuery", "line 2: `Query` with 0 words is no step"),
            ("Fly high", "line 1: `Fly` with 1 words is no step"),
            ("Query \"open", "line 1: a quote is not closed"),
            ("Describe X s", "line 1: the first word is not S, P or ?"),
            ("Raw x0", "line 1: `x0` is no row of bytes"),
            ("@a", "line 1: there is no verb"),
        ];
        for (text, message) in cases {
            assert_eq!(Script::parse(text).unwrap_err().to_string(), message);
        }
    }
}
