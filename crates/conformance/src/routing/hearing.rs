use core::str::FromStr;
use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::BTreeSet;

use pgherd_testkit::{Client, ClientError, Message, Request, Target};

use super::node_logs::NodeLogs;
use super::row::{Answers, Row, Statement};

/// How a row's statements are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    /// As simple queries.
    Simple,
    /// By Parse, Bind, Describe, Execute and Sync without names.
    Unnamed,
    /// Parsed and described under a name in a batch of its own first, and run in a second.
    Named,
    /// As [`Sends::Unnamed`], but what begins a transaction shares a batch with the statement behind it.
    Driver,
    /// All statements of the row in one batch.
    Batch,
}

impl FromStr for Sends {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let all = [Self::Simple, Self::Unnamed, Self::Named, Self::Driver, Self::Batch];
        all.into_iter().find(|sends| sends.name() == word).ok_or(format!("rows are not sent `{word}`"))
    }
}

impl Sends {
    /// Its word in a row.
    pub fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Unnamed => "unnamed",
            Self::Named => "named",
            Self::Driver => "driver",
            Self::Batch => "batch",
        }
    }

    /// What stands for `$p`.
    fn letter(self) -> &'static str {
        match self {
            Self::Simple => "s",
            Self::Unnamed => "u",
            Self::Named => "n",
            Self::Driver => "d",
            Self::Batch => "b",
        }
    }

    /// The statements in pieces, each of which the client waits for.
    fn units(self, statements: &[Statement]) -> Vec<&[Statement]> {
        let begins = |statement: &Statement| {
            let text = statement.sql.to_ascii_uppercase();
            text.starts_with("BEGIN") || text.starts_with("START TRANSACTION")
        };
        let mut units = Vec::new();
        let mut rest = statements;
        while !rest.is_empty() {
            let taken = match self {
                Self::Simple | Self::Unnamed | Self::Named => 1,
                Self::Driver if rest.first().is_some_and(begins) => rest.len().min(2),
                Self::Driver => 1,
                Self::Batch => rest.len(),
            };
            let (unit, after) = rest.split_at(taken);
            units.push(unit);
            rest = after;
        }
        units
    }
}

/// Runs rows in one session each and hears the servers' logs.
#[derive(Debug)]
pub struct Hearing {
    logs: NodeLogs,
    primary: usize,
}

impl Hearing {
    /// With these logs, of a cluster with this primary.
    pub fn new(logs: NodeLogs, primary: usize) -> Self {
        Hearing { logs, primary }
    }

    /// Runs a row and returns what was wrong, in words.
    pub fn run(&mut self, target: &Target, row: &Row, sends: Sends) -> Result<(), String> {
        let parameter = |name: &str, otherwise: &str| {
            let given = row.startup.iter().find(|(other, _)| other == name);
            given.map_or(otherwise, |(_, value)| value.as_str()).to_owned()
        };
        let (user, database) = (parameter("user", &target.user), parameter("database", &target.database));
        let mut parameters = vec![("user", user.as_str()), ("database", database.as_str())];
        let others = row.startup.iter().filter(|(name, _)| name != "user" && name != "database");
        parameters.extend(others.map(|(name, value)| (name.as_str(), value.as_str())));
        let mut client =
            Client::login(target.port, &parameters).map_err(|error| format!("no session: {error}"))?;
        let mut reader = None;
        for unit in sends.units(&row.statements) {
            self.run_unit(&mut client, sends, unit, row.varied, &mut reader)?;
        }
        client.bye();
        Ok(())
    }

    fn run_unit(
        &mut self,
        client: &mut Client,
        sends: Sends,
        unit: &[Statement],
        varied: bool,
        reader: &mut Option<usize>,
    ) -> Result<(), String> {
        let tagged: Vec<(String, String)> = unit.iter().map(|statement| tagged(statement, sends)).collect();
        let texts = || unit.iter().map(|statement| statement.sql.as_str()).collect::<Vec<_>>().join("; ");
        let messages = send(client, sends, &tagged)
            .map_err(|error| format!("{}: the session ended: {error}", texts()))?;
        let found = messages.iter().find_map(|message| message.field(b'C').filter(|_| message.kind == b'E'));
        let expected = unit.iter().find_map(|statement| statement.error.clone());
        if found != expected {
            let said = messages.iter().find(|message| message.kind == b'E').map(Message::text);
            return Err(format!("{}: {}", texts(), said.unwrap_or("did not fail".to_owned())));
        }
        let tags: Vec<String> = tagged.into_iter().map(|(tag, _)| tag).collect();
        for (statement, nodes) in unit.iter().zip(self.logs.nodes(&tags)) {
            self.judge(statement, &nodes, varied, reader)?;
        }
        Ok(())
    }

    fn judge(
        &self,
        statement: &Statement,
        nodes: &BTreeSet<usize>,
        varied: bool,
        reader: &mut Option<usize>,
    ) -> Result<(), String> {
        let only = if nodes.len() == 1 { nodes.first().copied() } else { None };
        let fits = match (statement.answers, only) {
            (Answers::One, Some(_)) => true,
            (Answers::Lead, Some(node)) => node == self.primary,
            (Answers::Reader, Some(node)) => {
                let same = reader.replace(node).is_none_or(|last| last == node) || varied;
                same && node != self.primary
            }
            (_, None) => false,
        };
        if fits {
            return Ok(());
        }
        Err(format!("{} went to {nodes:?}, and not to {:?}", statement.sql, statement.answers))
    }
}

/// A tag that no other statement has, and the statement with it at its end, where no rule looks.
fn tagged(statement: &Statement, sends: Sends) -> (String, String) {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let tag = format!("<{}>", NEXT.fetch_add(1, Ordering::Relaxed));
    let sql = statement.sql.replace("$p", sends.letter());
    (tag.clone(), format!("{sql} /*{tag}*/"))
}

fn send(client: &mut Client, sends: Sends, unit: &[(String, String)]) -> Result<Vec<Message>, ClientError> {
    let mut seen = Vec::new();
    let name = if sends == Sends::Named { "named" } else { "" };
    for (_, sql) in unit {
        match sends {
            Sends::Simple => client.queue(&Request::Query(sql.clone())),
            Sends::Unnamed | Sends::Driver | Sends::Batch => {
                client.queue(&parse(name, sql));
                run(name).iter().for_each(|request| client.queue(request));
            }
            Sends::Named => {
                let close = Request::Close(b'S', name.to_owned());
                let describe = Request::Describe(b'S', name.to_owned());
                let prepare = [close, parse(name, sql), describe, Request::Sync];
                prepare.iter().for_each(|request| client.queue(request));
                read(client, sends, &mut seen)?;
                if seen.iter().any(|message| message.kind == b'E') {
                    return Ok(seen);
                }
                run(name).iter().for_each(|request| client.queue(request));
            }
        }
    }
    if sends != Sends::Simple {
        client.queue(&Request::Sync);
    }
    read(client, sends, &mut seen)?;
    Ok(seen)
}

fn parse(name: &str, sql: &str) -> Request {
    Request::Parse { name: name.to_owned(), sql: sql.to_owned(), types: Vec::new() }
}

fn run(name: &str) -> [Request; 3] {
    let portal = String::new();
    [
        Request::Bind {
            portal: portal.clone(),
            statement: name.to_owned(),
            params: Vec::new(),
            results: Vec::new(),
        },
        Request::Describe(b'P', portal.clone()),
        Request::Execute(portal, 0),
    ]
}

fn read(client: &mut Client, sends: Sends, seen: &mut Vec<Message>) -> Result<(), ClientError> {
    loop {
        let message = client.read()?;
        if message.kind == b'G' {
            client.send(&[Request::CopyDone])?;
            if sends != Sends::Simple {
                // The server drops a Sync that it reads as a part of the COPY.
                client.send(&[Request::Sync])?;
            }
        }
        let ready = message.ready().is_some();
        seen.push(message);
        if ready {
            return Ok(());
        }
    }
}
