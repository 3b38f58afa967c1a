use std::io::Write;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Level, Prefix, Record, Source};

/// Records that may wait for the writer. More are dropped and counted.
const QUEUE_RECORDS: usize = 4096;
/// How long [`Log::flush`] waits for a writer whose reader has stopped.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// The log. Cheap to clone; all clones write to the same place.
#[derive(Clone, Debug)]
pub(crate) struct Log(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: SyncSender<Item>,
    least: AtomicU8,
    dropped: AtomicU64,
}

#[derive(Debug)]
enum Item {
    Record(Box<Record>),
    Format(Format),
    Flush(SyncSender<()>),
}

/// How lines look.
#[derive(Clone, Debug)]
pub(crate) struct Format {
    /// `log_line_prefix`.
    pub(crate) prefix: Prefix,
    /// `log_error_verbosity`.
    pub(crate) verbosity: Verbosity,
}

/// How much of a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// The message alone.
    Terse,
    /// Detail and hint as well.
    Default,
}

impl Log {
    /// Starts the thread that writes to `sink`: lines of `least` and above, in this form.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(crate) fn start(
        sink: impl Write + Send + 'static,
        least: Level,
        format: Format,
    ) -> std::io::Result<Self> {
        let (queue, items) = sync_channel(QUEUE_RECORDS);
        let log =
            Log(Arc::new(Shared { queue, least: AtomicU8::new(least.weight()), dropped: AtomicU64::new(0) }));
        let zone = TimeZone::system();
        let writer =
            Writer { sink, shared: Arc::downgrade(&log.0), format, zone, line: 0, text: String::new() };
        std::thread::Builder::new().name("log".to_owned()).spawn(move || writer.run(&items))?;
        Ok(log)
    }

    /// True when a record of this level would be written: asked before a costly one is made.
    pub(crate) fn wants(&self, level: Level) -> bool {
        level.weight() >= self.0.least.load(Ordering::Relaxed)
    }

    /// Hands a record to the writer, without waiting for it.
    pub(crate) fn write(&self, record: Record) {
        if self.wants(record.level) {
            self.write_bounded(record);
        }
    }

    /// Does so whatever the least level is: the session that the record is about has its own.
    pub(crate) fn write_bounded(&self, record: Record) {
        if self.0.queue.try_send(Item::Record(Box::new(record))).is_err() {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes reloaded settings over. Waits for room in the queue: only for the control plane.
    pub(crate) fn configure(&self, least: Level, format: Format) {
        self.0.least.store(least.weight(), Ordering::Relaxed);
        // The writer is gone only when the process ends.
        let _ = self.0.queue.send(Item::Format(format));
    }

    /// Waits until all that was said before is written, at most for two seconds.
    pub(crate) fn flush(&self) {
        let (done, written) = sync_channel(1);
        if self.0.queue.send(Item::Flush(done)).is_ok() {
            let _ = written.recv_timeout(FLUSH_LIMIT);
        }
    }
}

struct Writer<W> {
    sink: W,
    shared: Weak<Shared>,
    format: Format,
    zone: TimeZone,
    line: u64,
    text: String,
}

impl<W: Write> Writer<W> {
    fn run(mut self, items: &Receiver<Item>) {
        while let Ok(item) = items.recv() {
            self.take(item);
            // One write for all that has come in meanwhile.
            for item in items.try_iter().take(QUEUE_RECORDS) {
                self.take(item);
            }
            self.send();
        }
    }

    fn take(&mut self, item: Item) {
        match item {
            Item::Record(record) => self.put(&record),
            Item::Format(format) => self.format = format,
            Item::Flush(done) => {
                self.send();
                // Nobody waits any more when the limit was reached.
                let _ = done.try_send(());
            }
        }
    }

    fn put(&mut self, record: &Record) {
        self.line += 1;
        let at = Timestamp::try_from(record.at).unwrap_or(Timestamp::UNIX_EPOCH);
        let level = record.level.to_string();
        let more = match record.verbosity.unwrap_or(self.format.verbosity) {
            Verbosity::Terse => [None, None],
            Verbosity::Default => [record.detail.as_deref(), record.hint.as_deref()],
        };
        let texts = [(level.as_str(), Some(record.message.as_str())), ("DETAIL", more[0]), ("HINT", more[1])];
        for (label, text) in texts {
            let Some(text) = text else { continue };
            self.format.prefix.put(&mut self.text, &record.source, at, &self.zone, self.line);
            self.text.push_str(label);
            self.text.push_str(":  ");
            put_escaped(&mut self.text, text);
            self.text.push('\n');
        }
    }

    /// Says how many records found no room since it was said last.
    fn put_dropped(&mut self) {
        match self.shared.upgrade().map_or(0, |shared| shared.dropped.swap(0, Ordering::Relaxed)) {
            0 => {}
            n => {
                let message = format!("{n} log lines were dropped: the log is written too slowly");
                self.put(&Record::new(Level::Warning, Source::part("main"), message));
            }
        }
    }

    /// Writes what has been put together. A log that cannot be written must not stop the servers' clients, and there is
    /// nowhere to say so.
    fn send(&mut self) {
        self.put_dropped();
        let _ = self.sink.write_all(self.text.as_bytes()).and_then(|()| self.sink.flush());
        self.text.clear();
    }
}

/// Appends a text so that none of it can be taken for another line: continuation lines start with a tab, as in
/// PostgreSQL's log, and other control characters become `?`.
fn put_escaped(out: &mut String, text: &str) {
    for c in text.trim_end().chars() {
        match c {
            '\n' => out.push_str("\n\t"),
            '\t' => out.push('\t'),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Arc, Mutex};

    use super::{Format, Log, QUEUE_RECORDS, Verbosity};
    use crate::log::{Level, Prefix, Record, Source};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn format(prefix: &str, verbosity: Verbosity) -> Format {
        Format { prefix: Prefix::parse(prefix), verbosity }
    }

    fn record(level: Level, message: &str) -> Record {
        Record::new(level, Source::part("main"), message)
    }

    #[test]
    fn lines_levels_and_verbosity() {
        let sink = Sink::default();
        let log = Log::start(sink.clone(), Level::Warning, format("%a: ", Verbosity::Default)).unwrap();
        log.write(record(Level::Notice, "not this"));
        log.write(record(Level::Log, "two\nlines\u{1b}").detail("d").hint("h"));
        log.configure(Level::Debug5, format("%l ", Verbosity::Terse));
        log.write(record(Level::Debug3, "now").detail("not this"));
        log.flush();
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "main: LOG:  two\n\tlines?\nmain: DETAIL:  d\nmain: HINT:  h\n2 DEBUG:  now\n");
    }

    /// A sink whose first write waits to be let go.
    struct Stuck {
        go_on: Receiver<()>,
        text: Sender<Vec<u8>>,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.go_on.recv();
            let _ = self.text.send(bytes.to_vec());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_slow_reader_costs_lines_but_makes_nobody_wait() {
        let (release, go_on) = channel();
        let (text, written) = channel();
        let log = Log::start(Stuck { go_on, text }, Level::Log, format("", Verbosity::Default)).unwrap();
        // The writer takes one queue full before it is stuck, and the queue holds another.
        for _ in 0..3 * QUEUE_RECORDS {
            log.write(record(Level::Log, "x"));
        }
        drop(release);
        log.flush();
        let all = String::from_utf8(written.try_iter().flatten().collect()).unwrap();
        let told: u64 = all
            .lines()
            .filter_map(|line| line.strip_prefix("WARNING:  ")?.split_once(' ')?.0.parse::<u64>().ok())
            .sum();
        let seen = all.lines().filter(|line| *line == "LOG:  x").count();
        assert_eq!(seen as u64 + told, 3 * QUEUE_RECORDS as u64, "each line is written or counted");
        assert!(told > 0);
    }
}
