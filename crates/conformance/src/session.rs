use pgherd_testkit::{Client, ClientError, Format, Request, Target};

/// How statements are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// As simple queries.
    Simple,
    /// By Parse, Describe, Bind, Describe, Execute and Sync, written at once, results as text.
    Extended,
    /// The same, with results in binary.
    Binary,
    /// The same, with a named statement that is described in a batch of its own first, as many drivers do.
    Named,
    /// Batches of five statements up to one Sync.
    Pipelined,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Protocol; 5] = [Self::Simple, Self::Extended, Self::Binary, Self::Named, Self::Pipelined];

    /// Its name in the list of differences.
    pub fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Extended => "extended",
            Self::Binary => "binary",
            Self::Named => "named",
            Self::Pipelined => "pipelined",
        }
    }
}

/// Runs statements in one session and returns what the client saw, a line per message, each statement's text
/// before it.
pub fn run_statements(target: &Target, protocol: Protocol, statements: &[String]) -> Vec<String> {
    let mut seen = Vec::new();
    let mut client = match target.connect() {
        Ok(client) => client,
        Err(error) => return vec![format!("no connection: {error}")],
    };
    const PIPELINE: usize = 5;
    let units = statements.chunks(if protocol == Protocol::Pipelined { PIPELINE } else { 1 });
    for unit in units {
        seen.extend(unit.iter().map(|statement| format!("> {statement}")));
        if let Err(error) = run_unit(&mut client, protocol, unit, &mut seen) {
            seen.push(format!("the session ended: {error}"));
            match target.connect() {
                Ok(again) => client = again,
                Err(error) => {
                    seen.push(format!("no connection: {error}"));
                    break;
                }
            }
        }
    }
    // The connection may be gone already.
    let _ = client.send(&[Request::Terminate]);
    seen
}

fn run_unit(
    client: &mut Client,
    protocol: Protocol,
    unit: &[String],
    seen: &mut Vec<String>,
) -> Result<(), ClientError> {
    match protocol {
        Protocol::Simple => {
            for statement in unit {
                client.queue(&Request::Query(statement.clone()));
            }
        }
        Protocol::Extended | Protocol::Binary | Protocol::Pipelined => {
            let format = if protocol == Protocol::Binary { Format::Binary } else { Format::Text };
            for statement in unit {
                extended("", statement, format).iter().for_each(|request| client.queue(request));
            }
            client.queue(&Request::Sync);
        }
        Protocol::Named => {
            for statement in unit {
                let [parse, describe, rest @ ..] = extended("st", statement, Format::Text);
                for request in [Request::Close(b'S', "st".to_owned()), parse, describe, Request::Sync] {
                    client.queue(&request);
                }
                read_ready(client, seen)?;
                rest.iter().for_each(|request| client.queue(request));
                client.queue(&Request::Sync);
            }
        }
    }
    read_ready(client, seen)
}

fn extended(name: &str, statement: &str, format: Format) -> [Request; 5] {
    let (name, portal) = (name.to_owned(), String::new());
    [
        Request::Parse { name: name.clone(), sql: statement.to_owned(), types: Vec::new() },
        Request::Describe(b'S', name.clone()),
        Request::Bind { portal: portal.clone(), statement: name, params: Vec::new(), results: vec![format] },
        Request::Describe(b'P', portal.clone()),
        Request::Execute(portal, 0),
    ]
}

fn read_ready(client: &mut Client, seen: &mut Vec<String>) -> Result<(), ClientError> {
    loop {
        let message = client.read()?;
        seen.push(message.text());
        if message.ready().is_some() {
            return Ok(());
        }
        if message.kind == b'G' {
            // No statement of the corpus feeds a COPY; what would wait for ever is refused, as psql does it.
            client.send(&[Request::CopyFail("no data in the corpus".to_owned()), Request::Sync])?;
        }
    }
}
