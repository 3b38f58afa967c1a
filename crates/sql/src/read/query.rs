//! Queries, and statements that change rows.

use pg_raw_parse::Node;
use pg_raw_parse::nodes::{
    DeleteStmt, InsertStmt, MergeStmt, OnConflictClause, ReturningClause, SelectStmt, UpdateStmt, WithClause,
};

use super::{Reader, Unreadable};
use crate::place::Why;

impl<'a> Reader<'a> {
    pub(super) fn select(&mut self, select: &'a SelectStmt) -> Result<(), Unreadable> {
        if let Some(into) = select.into_clause() {
            self.writes(Why::Into);
            self.makes(into.rel());
        }
        if !select.locking_clause().is_empty() {
            self.writes(Why::Locking);
        }
        self.with(select.with_clause())?;
        self.push_all(select.target_list().iter().map(Node::ResTarget));
        self.push_all(select.sort_clause().iter().map(Node::SortBy));
        for list in [
            select.distinct_clause(),
            select.from_clause(),
            select.group_clause(),
            select.window_clause(),
            select.values_lists(),
        ] {
            self.list(list);
        }
        self.push_all([
            select.where_clause(),
            select.having_clause(),
            select.limit_offset(),
            select.limit_count(),
        ]);
        self.push_all(select.larg().into_iter().chain(select.rarg()).map(Node::SelectStmt));
        Ok(())
    }

    /// Takes in the names of common table expressions: each sees those before it, or all when they are recursive.
    /// What is pushed afterwards sees all.
    fn with(&mut self, clause: Option<&'a WithClause>) -> Result<(), Unreadable> {
        let Some(clause) = clause else { return Ok(()) };
        if clause.recursive {
            for table in clause.ctes() {
                self.name(table.ctename())?;
            }
        }
        for table in clause.ctes() {
            self.push(table.ctequery());
            if let Some(cycle) = table.cycle_clause() {
                self.push_all([cycle.cycle_mark_value(), cycle.cycle_mark_default()]);
            }
            if !clause.recursive {
                self.name(table.ctename())?;
            }
        }
        Ok(())
    }

    /// INSERT, UPDATE, DELETE or MERGE.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the grammar's 270 nodes; the caller gives these four"
    )]
    pub(super) fn change(&mut self, node: Node<'a>) -> Result<(), Unreadable> {
        match node {
            Node::InsertStmt(insert) => self.insert(insert),
            Node::UpdateStmt(update) => self.update(update),
            Node::DeleteStmt(delete) => self.delete(delete),
            Node::MergeStmt(merge) => self.merge(merge),
            _ => Err(Unreadable),
        }
    }

    fn insert(&mut self, insert: &'a InsertStmt) -> Result<(), Unreadable> {
        self.with(insert.with_clause())?;
        self.target(insert.relation());
        self.list(insert.cols());
        self.push(insert.select_stmt());
        if let Some(conflict) = insert.on_conflict_clause() {
            self.conflict(conflict);
        }
        self.returning(insert.returning_clause());
        Ok(())
    }

    fn conflict(&mut self, conflict: &'a OnConflictClause) {
        if let Some(infer) = conflict.infer() {
            self.list(infer.index_elems());
            self.push(infer.where_clause());
        }
        self.push_all(conflict.target_list().iter().map(Node::ResTarget));
        self.push(conflict.where_clause());
    }

    fn update(&mut self, update: &'a UpdateStmt) -> Result<(), Unreadable> {
        self.with(update.with_clause())?;
        self.target(update.relation());
        self.push_all(update.target_list().iter().map(Node::ResTarget));
        self.list(update.from_clause());
        self.push(update.where_clause());
        self.returning(update.returning_clause());
        Ok(())
    }

    fn delete(&mut self, delete: &'a DeleteStmt) -> Result<(), Unreadable> {
        self.with(delete.with_clause())?;
        self.target(delete.relation());
        self.list(delete.using_clause());
        self.push(delete.where_clause());
        self.returning(delete.returning_clause());
        Ok(())
    }

    fn merge(&mut self, merge: &'a MergeStmt) -> Result<(), Unreadable> {
        self.with(merge.with_clause())?;
        self.target(merge.relation());
        self.push_all([merge.source_relation(), merge.join_condition()]);
        for when in merge.merge_when_clauses() {
            self.push(when.condition());
            self.list(when.target_list());
            self.list(when.values());
        }
        self.returning(merge.returning_clause());
        Ok(())
    }

    fn returning(&mut self, clause: Option<&'a ReturningClause>) {
        if let Some(clause) = clause {
            self.list(clause.exprs());
        }
    }
}
