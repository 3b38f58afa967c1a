//! Kinds of statements.

use pg_raw_parse::Node;
use pg_raw_parse::nodes::{
    CopyStmt, DeclareCursorStmt, DefElem, ExplainStmt, LockStmt, PrepareStmt, TransactionStmt,
    TransactionStmtKind,
};

use super::found::written;
use super::session::characteristics;
use super::{Reader, Unreadable};
use crate::place::{Place, Why};
use crate::verb::Verb;

impl<'a> Reader<'a> {
    /// The kind of a statement; what is in it is found, or pushed.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the grammar's 270 nodes; the rest is tried further on"
    )]
    pub(super) fn verb(&mut self, node: Node<'a>) -> Result<Verb, Unreadable> {
        let verb = match node {
            Node::SelectStmt(select) => {
                self.plain_calls(select);
                self.push(node);
                Verb::Select
            }
            Node::InsertStmt(_) => self.changes(node, Verb::Insert)?,
            Node::UpdateStmt(_) => self.changes(node, Verb::Update)?,
            Node::DeleteStmt(_) => self.changes(node, Verb::Delete)?,
            Node::MergeStmt(_) => self.changes(node, Verb::Merge)?,
            Node::CopyStmt(copy) => self.copy(copy)?,
            Node::ExplainStmt(explain) => self.explain(explain)?,
            Node::PrepareStmt(prepare) => self.prepare(prepare)?,
            Node::TransactionStmt(transaction) => self.transaction(transaction)?,
            _ => return self.session(node),
        };
        Ok(verb)
    }

    fn changes(&mut self, node: Node<'a>, verb: Verb) -> Result<Verb, Unreadable> {
        self.writes(Why::Verb);
        self.change(node)?;
        Ok(verb)
    }

    fn copy(&mut self, copy: &'a CopyStmt) -> Result<Verb, Unreadable> {
        let verb = match (copy.is_program || copy.filename().is_some(), copy.is_from) {
            (true, _) => Verb::CopyServer,
            (false, true) => Verb::CopyIn,
            (false, false) => Verb::CopyOut,
        };
        if verb != Verb::CopyOut {
            self.writes(Why::Verb);
        }
        if copy.is_from {
            self.target(copy.relation());
        } else if let Some(table) = copy.relation() {
            self.reads(table)?;
        }
        self.push_all([copy.query(), copy.where_clause()]);
        Ok(verb)
    }

    /// What is explained is read for itself. What is run has all the effects that it would have alone.
    fn explain(&mut self, explain: &'a ExplainStmt) -> Result<Verb, Unreadable> {
        let mut analyse = false;
        for option in explain.options().iter().filter(|option| option.defname() == Some("analyze")) {
            analyse = self.is_on(option);
        }
        let statement = self.inner(explain.query())?;
        self.at(Place::Primary(Why::Verb));
        if analyse {
            self.at(statement.place);
        }
        Ok(Verb::Explain { analyse, statement })
    }

    /// The value of an option: PostgreSQL refuses what is neither on nor off.
    fn is_on(&mut self, option: &DefElem) -> bool {
        let value = option.arg();
        if matches!(value, Node::None) {
            return true;
        }
        self.look_in_full();
        if let Node::Integer(number) = value {
            return number.ival != 0;
        }
        let off = |text: &str| text.eq_ignore_ascii_case("off") || text.eq_ignore_ascii_case("false");
        !value.as_str().is_some_and(off)
    }

    fn prepare(&mut self, prepare: &'a PrepareStmt) -> Result<Verb, Unreadable> {
        let statement = self.inner(prepare.query())?;
        self.at(Place::Primary(Why::Verb));
        for name in prepare.argtypes() {
            self.type_name(Some(name));
        }
        Ok(Verb::Prepare { name: self.own(prepare.name())?, statement })
    }

    fn transaction(&mut self, transaction: &'a TransactionStmt) -> Result<Verb, Unreadable> {
        let chain = transaction.chain;
        let name = || transaction.savepoint_name();
        let verb = match transaction.kind {
            TransactionStmtKind::TRANS_STMT_BEGIN | TransactionStmtKind::TRANS_STMT_START => {
                Verb::Begin(characteristics(transaction.options()))
            }
            TransactionStmtKind::TRANS_STMT_COMMIT => Verb::Commit { chain },
            TransactionStmtKind::TRANS_STMT_ROLLBACK => Verb::Rollback { chain },
            TransactionStmtKind::TRANS_STMT_SAVEPOINT => Verb::Savepoint(self.own(name())?),
            TransactionStmtKind::TRANS_STMT_RELEASE => Verb::Release(self.own(name())?),
            TransactionStmtKind::TRANS_STMT_ROLLBACK_TO => Verb::RollbackTo(self.own(name())?),
            TransactionStmtKind::TRANS_STMT_PREPARE => Verb::PrepareTransaction,
            TransactionStmtKind::TRANS_STMT_COMMIT_PREPARED
            | TransactionStmtKind::TRANS_STMT_ROLLBACK_PREPARED => Verb::FinishPrepared,
            _ => return Err(Unreadable),
        };
        let outlives = matches!(verb, Verb::PrepareTransaction | Verb::FinishPrepared);
        self.at(if outlives { Place::Writes(Why::Verb) } else { Place::Primary(Why::Verb) });
        Ok(verb)
    }

    /// DECLARE reads its query; what it has is told by FETCH.
    pub(super) fn declare(&mut self, declare: &'a DeclareCursorStmt) -> Verb {
        self.writes(Why::Verb);
        self.push(declare.query());
        Verb::Cursor
    }

    pub(super) fn lock(&mut self, lock: &'a LockStmt) -> Verb {
        let weak = lock.mode < ROW_EXCLUSIVE;
        self.at(if weak { Place::Primary(Why::Locking) } else { Place::Writes(Why::Locking) });
        self.targets(lock.relations());
        Verb::Lock { weak }
    }

    pub(super) fn own(&self, name: Option<&str>) -> Result<Box<str>, Unreadable> {
        name.map(|name| written(name, self.letters)).ok_or(Unreadable)
    }
}

/// `RowExclusiveLock` among PostgreSQL's lock modes.
const ROW_EXCLUSIVE: i32 = 3;
