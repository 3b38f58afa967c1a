//! From normal text to class, with PostgreSQL's grammar.

use std::borrow::Cow;
use std::panic::catch_unwind;

use pg_raw_parse::Node;
use pg_raw_parse::nodes::{CopyStmt, ExplainStmt, TransactionStmt, TransactionStmtKind};

use crate::Class;
use crate::normal::{Shape, normalise};
use crate::walk::{Answers, of_select, of_table};

/// What `text` is: the text of a Query or Parse message, without its closing NUL, in any client encoding.
///
/// ```
/// use pgherd_sql::{Class, classify};
///
/// assert_eq!(classify(b"SELECT name FROM users WHERE id = 42"), Class::Read);
/// assert_eq!(classify(b"SELECT nextval('ids')"), Class::Other);
/// ```
pub fn classify(text: &[u8]) -> Class {
    let mut normal = Vec::new();
    match normalise(text, &mut normal) {
        Shape::Empty => Class::Empty,
        Shape::Candidate => classify_normal(&normal),
        Shape::Other => Class::Other,
    }
}

/// The class of a normal text of shape [`Shape::Candidate`].
///
/// The parser library asserts the shape of its own trees; should a statement ever break such an assertion, it
/// counts as one that could not be parsed.
pub fn classify_normal(normal: &[u8]) -> Class {
    catch_unwind(|| parsed(&readable(normal))).unwrap_or(Class::Other)
}

/// The parser wants UTF-8. Of text in another encoding each high byte becomes a letter of its own: names stay
/// different from each other and from every built-in's.
fn readable(normal: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(normal) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => normal.iter().copied().map(char::from).collect::<String>().into(),
    }
}

fn parsed(text: &str) -> Class {
    let Ok(tree) = pg_raw_parse::parse(text) else { return Class::Other };
    let mut statements = tree.stmts();
    match (statements.next(), statements.next()) {
        (None, _) => Class::Empty,
        (Some(statement), None) => of_statement(statement),
        (Some(_), Some(_)) => Class::Other,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the grammar's 270 nodes; what is not named is Other")]
fn of_statement(statement: Node<'_>) -> Class {
    match statement {
        Node::SelectStmt(_) => match of_select(statement) {
            Answers::Alike => Class::Read,
            Answers::Own => Class::ReadPrimary,
            Answers::Unknown => Class::Other,
        },
        Node::TransactionStmt(statement) => of_transaction(statement),
        Node::CopyStmt(statement) => of_copy(statement),
        Node::ExplainStmt(statement) => of_explain(statement),
        Node::VariableShowStmt(_) => Class::ReadPrimary,
        _ => Class::Other,
    }
}

fn of_transaction(statement: &TransactionStmt) -> Class {
    match statement.kind {
        TransactionStmtKind::TRANS_STMT_BEGIN
        | TransactionStmtKind::TRANS_STMT_START
        | TransactionStmtKind::TRANS_STMT_COMMIT
        | TransactionStmtKind::TRANS_STMT_ROLLBACK
        | TransactionStmtKind::TRANS_STMT_SAVEPOINT
        | TransactionStmtKind::TRANS_STMT_RELEASE
        | TransactionStmtKind::TRANS_STMT_ROLLBACK_TO => Class::Transaction,
        // PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED: they outlive the session.
        _ => Class::Other,
    }
}

fn of_copy(copy: &CopyStmt) -> Class {
    if copy.is_program || copy.filename().is_some() {
        return Class::Other;
    }
    if copy.is_from {
        return Class::CopyIn;
    }
    let answers = match copy.relation() {
        Some(table) => of_table(table),
        None => of_select(copy.query()),
    };
    not_for_a_standby(answers)
}

fn of_explain(explain: &ExplainStmt) -> Class {
    // Whatever the option's value: it may be a literal, and literals are not looked at.
    if explain.options().iter().any(|option| option.defname() == Some("analyze")) {
        return Class::Other;
    }
    not_for_a_standby(of_select(explain.query()))
}

fn not_for_a_standby(answers: Answers) -> Class {
    match answers {
        Answers::Alike | Answers::Own => Class::ReadPrimary,
        Answers::Unknown => Class::Other,
    }
}
