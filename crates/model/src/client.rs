use std::collections::VecDeque;

use crate::message::{self, Message};
use crate::program::{LAST_ROW, Program, Step};

/// A client that plays its program: it sends, and stops to read where the program says so.
#[derive(Debug)]
pub struct Client {
    steps: VecDeque<Step>,
    partial: Vec<u8>,
    /// What it has read, startup included.
    pub seen: Vec<Message>,
    /// How many of them come before what the next wait looks at.
    looked: usize,
    /// How many of them belong to the start: up to the first ReadyForQuery.
    pub start: Option<usize>,
}

impl Client {
    /// A client that has sent its startup packet.
    pub fn new(program: &Program) -> Self {
        Client {
            steps: program.steps().cloned().collect(),
            partial: Vec::new(),
            seen: Vec::new(),
            looked: 0,
            start: None,
        }
    }

    /// A client of a server that has said all that it says at the start.
    pub fn started(program: &Program) -> Self {
        Client { start: Some(0), ..Client::new(program) }
    }

    /// Bytes arrive.
    pub fn read(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(message) = message::take_at(&self.partial, &mut at) {
            let ready = message.kind == b'Z';
            self.seen.push(message);
            if ready && self.start.is_none() {
                self.start = Some(self.seen.len());
                self.looked = self.seen.len();
            }
        }
        self.partial.drain(..at);
    }

    /// True when a message has been read in part.
    pub fn is_mid_message(&self) -> bool {
        !self.partial.is_empty()
    }

    /// What it has read since the start was over.
    pub fn replies(&self) -> &[Message] {
        self.start.and_then(|start| self.seen.get(start..)).unwrap_or_default()
    }

    /// True when it would send something, or ask for a cancel, now.
    pub fn can_go_on(&self) -> bool {
        self.start.is_some()
            && match self.steps.front() {
                Some(Step::Send(_) | Step::Cancel) => true,
                Some(wait) => self.found(wait).is_some(),
                None => false,
            }
    }

    /// What it does next. A wait looks only at what came after the last one, so that a program behaves alike
    /// however its answers are spread over time.
    pub fn next_step(&mut self) -> Option<Step> {
        loop {
            let step = self.steps.front()?;
            match step {
                Step::Send(_) | Step::Cancel => return self.steps.pop_front(),
                Step::AwaitReady | Step::AwaitCopy | Step::AwaitCopyOrError | Step::AwaitEnd => {
                    self.looked = self.found(step)?;
                    self.steps.pop_front();
                }
            }
        }
    }

    /// What it sends next, where that is a message of the extended protocol.
    pub fn next_of_batch(&mut self) -> Option<Message> {
        let is_next = matches!(
            self.steps.front()?,
            Step::Send(message) if b"PBDECHS".contains(&message.kind)
        );
        let step = if is_next { self.steps.pop_front() } else { None };
        match step? {
            Step::Send(message) => Some(message),
            Step::AwaitReady | Step::AwaitCopy | Step::AwaitCopyOrError | Step::AwaitEnd | Step::Cancel => {
                None
            }
        }
    }

    /// Steps that are left.
    pub fn left(&self) -> usize {
        self.steps.len()
    }

    fn found(&self, wait: &Step) -> Option<usize> {
        let news = self.seen.get(self.looked..)?;
        let first = |kinds: &[u8]| news.iter().position(|message| kinds.contains(&message.kind));
        let at = match wait {
            Step::AwaitReady => first(b"Z"),
            Step::AwaitCopy => first(b"GZ"),
            Step::AwaitCopyOrError => first(b"GEZ"),
            Step::AwaitEnd => {
                let row = news
                    .iter()
                    .position(|message| message.kind == b'D' && message.body.ends_with(LAST_ROW))?;
                news[row..].iter().position(|message| message.kind == b'Z').map(|ready| row + ready)
            }
            Step::Send(_) | Step::Cancel => None,
        };
        // A ReadyForQuery that only says that no COPY will come is still there for the next wait.
        let kept = matches!(wait, Step::AwaitCopy | Step::AwaitCopyOrError);
        at.map(|at| if kept && news[at].kind == b'Z' { self.looked + at } else { self.looked + at + 1 })
    }
}
