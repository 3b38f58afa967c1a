//! What is known of the transaction that the client has open.

use pgherd_route::{AfterWrite, Written};
use pgherd_sql::{Access, Characteristics, Isolation, Relation, Statement};
use pgherd_types::limits;

use super::settings::Journal;

/// The transaction of the moment: an explicit one, or that of the unit at hand.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    /// A BEGIN has opened it; otherwise it is that of one unit.
    pub(crate) explicit: bool,
    /// What was set in it.
    pub(crate) journal: Journal,
    /// As BEGIN and SET TRANSACTION asked for.
    pub(crate) characteristics: Characteristics,
    /// What it makes the default of later ones.
    pub(crate) defaults: Option<Characteristics>,
    /// Something that may write has gone well in it.
    pub(crate) wrote: bool,
    /// A statement in it changed the catalogs.
    pub(crate) changed_catalogs: bool,
    /// What was written in it, for `dml_adaptive`.
    written: Vec<Relation>,
    /// Whether that is all.
    noted: Noted,
    /// Its reads stay on the lead from now on.
    pub(crate) stays: bool,
    /// A reader has answered a read of it.
    pub(crate) was_read_elsewhere: bool,
    /// The lead has been made to run a query of its own since.
    pub(crate) lead_has_queried: bool,
}

/// Whether what a transaction has written was noted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Noted {
    #[default]
    All,
    /// The settings did not ask for all of it.
    NotAll,
}

impl Transaction {
    pub(crate) fn characterise(&mut self, more: &Characteristics) {
        let own = &mut self.characteristics;
        own.isolation = more.isolation.or(own.isolation);
        own.access = more.access.or(own.access);
        own.deferrable = more.deferrable.or(own.deferrable);
    }

    /// What was written in it.
    pub(crate) fn written(&self) -> Written<'_> {
        match self.noted {
            Noted::All => Written::Known(&self.written),
            Noted::NotAll => Written::Something,
        }
    }

    /// Takes what is noted of that.
    pub(crate) fn take_written(&mut self) -> Vec<Relation> {
        core::mem::take(&mut self.written)
    }

    /// Notes what a statement has written, where a decision may depend on it.
    pub(crate) fn note_written(&mut self, statement: &Statement, after_write: AfterWrite) {
        if !after_write.asks_what() {
            self.noted = Noted::NotAll;
            return;
        }
        for target in pgherd_route::written_by(statement) {
            if self.written.len() >= limits::WRITTEN_RELATIONS {
                self.stays = true;
                return;
            }
            if !self.written.contains(&target) {
                self.written.push(target);
            }
        }
    }

    /// What begins the same transaction on a standby. READ WRITE is left out there, as it would be refused.
    pub(crate) fn put_begin(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(b"BEGIN");
        if let Some(isolation) = self.characteristics.isolation {
            text.extend_from_slice(match isolation {
                Isolation::ReadUncommitted => b" ISOLATION LEVEL READ UNCOMMITTED".as_slice(),
                Isolation::ReadCommitted => b" ISOLATION LEVEL READ COMMITTED",
                Isolation::RepeatableRead => b" ISOLATION LEVEL REPEATABLE READ",
                Isolation::Serializable => b" ISOLATION LEVEL SERIALIZABLE",
            });
        }
        if self.characteristics.access == Some(Access::ReadOnly) {
            text.extend_from_slice(b" READ ONLY");
        }
    }
}
