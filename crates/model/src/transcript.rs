//! Transcripts: a session's life written down line by line, what happens to it and what it does about it.
//!
//! A file holds several, each begun by `== TITLE`, and by `== TITLE (streaming)` where there is a standby,
//! node 1. The session is open, on backend B0 of node 0. A line that is not indented happens; the indented
//! lines after it are all that the session does then.
//!
//! | line | means |
//! |---|---|
//! | `C> Q SELECT 1\0` | the client sends a message: its kind, and its body with escapes |
//! | `C>[..7] Q SELECT 1\0`, `C>[7..] ...` | it sends some bytes of it |
//! | `C>+ S` | it sends a message, which arrives together with the next one |
//! | `B0< Z I` | a backend sends a message, or as above some bytes of it |
//! | `C> done` | the client has closed its side, and still listens |
//! | `C> gone`, `B0< gone` | one of them has closed |
//! | `grant B1 1`, `refuse 1` | the session gets a backend of a node, or none |
//! | `admin TEXT`, `admin` | the answer to an administrative statement, or that it is none |
//! | `cancel`, `cancelled B0` | the client asked for a cancel; a cancel request has been delivered |
//! | `traces client backend log notices` | what is traced from now on: client, backends, to the client, statements |
//! | indented: `C< Z I`, `B0> S` | the session has written a whole message |
//! | indented: `log Sync message from frontend.` | a line for the log |
//! | indented: `acquire 1`, `hold`, `resume`, `release B0 Reset`, ... | other actions |

use std::fmt::Write as _;

use pgherd_route::Router;
use pgherd_session::{
    Action, Actions, BackendMessages, Bytes, Common, Context, Event, Gone, Line, Policy, Refusal, Report,
    Session, Tracing,
};
use pgherd_types::{
    BackendFacts, BackendId, ClusteringMode, Lease, Moment, NodeId, Replication, SessionId, Topology,
};

use crate::message::{self, Message};
use crate::program::startup_packet;
use crate::world;

/// Plays every transcript of a file and writes it anew, with what the sessions really did.
///
/// # Errors
/// A line that cannot be read, with its number.
pub fn play(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut player = None;
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("  ") {
            continue;
        }
        let _infallible = writeln!(out, "{line}");
        if let Some(title) = line.strip_prefix("== ") {
            let streaming = title.ends_with("(streaming)");
            player = Some(Player::open(if streaming {
                ClusteringMode::StreamingReplication
            } else {
                ClusteringMode::Raw
            }));
        } else if !line.is_empty() && !line.starts_with('#') {
            let player =
                player.as_mut().ok_or_else(|| format!("line {}: it belongs to no transcript", at + 1))?;
            player.happens(line).map_err(|why| format!("line {}: {why}: {line}", at + 1))?;
            for done in player.done.drain(..) {
                let _infallible = writeln!(out, "  {done}");
            }
        }
    }
    Ok(out)
}

/// The server processes that pgherd has, in all transcripts.
const PROCESSES: [(NodeId, u32); 4] =
    [(NodeId(0), 100), (NodeId(1), 101), (NodeId(1), 102), (NodeId(0), 102)];

struct Player {
    session: Session,
    router: Router,
    common: Common,
    topology: Topology,
    policy: Policy,
    actions: Actions,
    held: Option<Vec<u8>>,
    /// Sent, to arrive with what is sent next.
    late: Vec<u8>,
    written: Vec<(String, Vec<u8>)>,
    done: Vec<String>,
}

impl Player {
    fn open(mode: ClusteringMode) -> Self {
        let mut player = Player {
            session: Session::new(SessionId(7), [7; 32]),
            router: Router::default(),
            common: Common::default(),
            topology: world::topology(mode, 1),
            policy: world::policy(),
            actions: Actions::default(),
            held: None,
            late: Vec::new(),
            written: Vec::new(),
            done: Vec::new(),
        };
        player.tell(Event::ClientBytes(&startup_packet("u", 0)));
        player.tell(Event::Admitted);
        player.tell(Event::Granted(lease(0, 0)));
        player.done.clear();
        player
    }

    fn happens(&mut self, line: &str) -> Result<(), String> {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        match what {
            "C>" if rest == "done" => self.tell(Event::ClientDone),
            "C>" if rest == "gone" => self.tell(Event::ClientGone),
            "traces" => self.policy.tracing = tracing(rest)?,
            "cancel" => self.tell(Event::CancelAsked),
            "cancelled" => self.tell(Event::CancelDone { backend: BackendId(backend(rest)?) }),
            "admin" if rest.is_empty() => self.tell(Event::AdminAnswer(None)),
            "admin" => {
                let mut answer = Vec::new();
                message::put(&mut answer, b'C', |out| out.extend_from_slice(format!("{rest}\0").as_bytes()));
                self.tell(Event::AdminAnswer(Some(&answer)));
            }
            "grant" => {
                let (id, node) = rest.split_once(' ').ok_or("a backend and its node are wanted")?;
                self.tell(Event::Granted(lease(backend(id)?, number(node)?)));
            }
            "refuse" => {
                let mut error = Vec::new();
                crate::backend::error(b'E', "FATAL", "53300", "too many clients already", &mut error);
                self.tell(Event::Refused { node: NodeId(number(rest)?), why: &Refusal::Server(error) });
            }
            "C>+" => self.late.extend(part("", rest)?),
            _ if what.starts_with("C>") => {
                let mut bytes = core::mem::take(&mut self.late);
                bytes.extend(part(what.trim_start_matches("C>"), rest)?);
                // While input is held, the client is not read.
                match &mut self.held {
                    Some(held) => held.extend_from_slice(&bytes),
                    None => self.tell(Event::ClientBytes(&bytes)),
                }
            }
            _ => {
                let (id, range) = what.split_once('<').ok_or("nothing that can happen")?;
                let backend = BackendId(backend(id)?);
                match rest {
                    "gone" => self.tell(Event::BackendGone { backend, why: Gone::Closed }),
                    _ => self.tell(Event::BackendBytes { backend, bytes: &part(range, rest)? }),
                }
            }
        }
        Ok(())
    }

    fn tell(&mut self, event: Event<'_>) {
        let mut resumed = self.tell_once(event);
        while resumed {
            let held = self.held.take().unwrap_or_default();
            resumed = self.tell_once(Event::ClientBytes(&held));
        }
    }

    fn tell_once(&mut self, event: Event<'_>) -> bool {
        let input: Vec<u8> = if let Event::ClientBytes(bytes) | Event::BackendBytes { bytes, .. } = &event {
            bytes.to_vec()
        } else {
            Vec::new()
        };
        let mut cx = Context {
            now: Moment(1),
            topology: &self.topology,
            replication: &Replication::default(),
            policy: &self.policy,
            catalogs_epoch: 0,
            processes: &PROCESSES,
            router: &mut self.router,
            common: &mut self.common,
            // Of two nodes with equal weights it draws the second.
            random: u64::MAX,
        };
        self.session.handle(&mut cx, event, &mut self.actions);
        let (mut list, made) = self.actions.take();
        let mut resumed = false;
        for action in list.drain(..) {
            resumed |= matches!(action, Action::ResumeClient);
            self.note(action, &input, &made);
        }
        self.actions.recycle(list, made);
        resumed
    }

    fn note(&mut self, action: Action, input: &[u8], made: &[u8]) {
        let line = match action {
            Action::ToClient(bytes) => return self.wrote("C<".to_owned(), slice(&bytes, input, made)),
            Action::ToBackend(id, bytes) => return self.wrote(format!("B{id}>"), slice(&bytes, input, made)),
            Action::Admit(_) => "admit".to_owned(),
            Action::Acquire { node, .. } => format!("acquire {node}"),
            Action::Release(lease, fate) => format!("release B{} {fate:?}", lease.backend()),
            Action::HoldClient { from } => {
                self.held = Some(input.get(from..).unwrap_or_default().to_vec());
                "hold".to_owned()
            }
            Action::ResumeClient => "resume".to_owned(),
            Action::CancelBackend(id) => format!("cancel B{id}"),
            Action::CancelSession { session, .. } => format!("cancel session {session}"),
            Action::Admin { .. } => "admin".to_owned(),
            Action::Report(Report::Termination { node, process_id }) => {
                format!("ends process {process_id} of node {node}")
            }
            Action::Report(Report::Message(Line { text, detail })) => {
                format!("log {text} {}", detail.unwrap_or_default()).trim_end().to_owned()
            }
            Action::Arm(..) | Action::Disarm(_) | Action::Report(_) => return,
            Action::CloseClient(why) => format!("close {why:?}"),
        };
        self.done.push(line);
    }

    /// Notes the messages that are whole with these bytes.
    fn wrote(&mut self, to: String, bytes: &[u8]) {
        let at = self.written.iter().position(|(peer, _)| *peer == to).unwrap_or_else(|| {
            self.written.push((to, Vec::new()));
            self.written.len() - 1
        });
        let (peer, partial) = &mut self.written[at];
        partial.extend_from_slice(bytes);
        while let Some(message) = message::take(partial) {
            self.done.push(format!("{peer} {}", shown(&message)));
        }
    }
}

fn tracing(words: &str) -> Result<Tracing, String> {
    let mut tracing = Tracing::default();
    for word in words.split_whitespace() {
        match word {
            "client" => tracing.client_messages = true,
            "backend" => tracing.backend_messages = BackendMessages::Terse,
            "log" => tracing.tells_log = true,
            "notices" => tracing.statement_notices = true,
            _ => return Err(format!("{word} cannot be traced")),
        }
    }
    Ok(tracing)
}

fn lease(id: u64, node: u8) -> Lease {
    Lease::issue(BackendId(id), NodeId(node), BackendFacts::default())
}

fn slice<'a>(bytes: &Bytes, input: &'a [u8], made: &'a [u8]) -> &'a [u8] {
    let (from, range) = match bytes {
        Bytes::Input(range) => (input, range),
        Bytes::Made(range) => (made, range),
    };
    from.get(range.clone()).unwrap_or_default()
}

fn shown(message: &Message) -> String {
    let body = message
        .body
        .escape_ascii()
        .to_string()
        .replace("\\x00", "\\0")
        .replace("\\'", "'")
        .replace("\\\"", "\"");
    let body = without_catalogs(&body).unwrap_or(body);
    format!("{} {body}", message.kind.escape_ascii()).trim_end().to_owned()
}

/// The same without the long query that asks the catalogs, if it is in there.
fn without_catalogs(body: &str) -> Option<String> {
    let (before, rest) = body.split_once("WITH RECURSIVE asked ")?;
    let (_, behind) = rest.rsplit_once("GROUP BY a.i")?;
    Some(format!("{before}(asks the catalogs){behind}"))
}

/// The bytes of a message, or those of them that `range` (`[..7]`, `[7..]`, nothing) says.
fn part(range: &str, message: &str) -> Result<Vec<u8>, String> {
    let kind = *message.as_bytes().first().ok_or("a message is wanted")?;
    let body = unescaped(message.get(2..).unwrap_or_default())?;
    let mut bytes = Vec::new();
    Message::new(kind, body).write(&mut bytes);
    let Some(range) = range.strip_prefix('[').and_then(|range| range.strip_suffix(']')) else {
        return Ok(bytes);
    };
    let (from, to) = range.split_once("..").ok_or("a range is FROM..TO")?;
    let from = if from.is_empty() { 0 } else { number::<usize>(from)? };
    let to = if to.is_empty() { bytes.len() } else { number::<usize>(to)? };
    bytes.get(from..to).map(<[u8]>::to_vec).ok_or_else(|| "a range outside of the message".to_owned())
}

fn unescaped(text: &str) -> Result<Vec<u8>, String> {
    let (mut out, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match rest.next() {
            Some(b'0') => 0,
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'\\') => b'\\',
            Some(b'x') => {
                let digits = [rest.next(), rest.next()].map(|digit| digit.unwrap_or(b'?') as char);
                let text: String = digits.iter().collect();
                u8::from_str_radix(&text, 16).map_err(|_| format!("\\x{text} is no byte"))?
            }
            other => return Err(format!("an escape that is none: {other:?}")),
        });
    }
    Ok(out)
}

fn backend(text: &str) -> Result<u64, String> {
    number(text.strip_prefix('B').ok_or("a backend is B and its number")?)
}

fn number<T: core::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}
