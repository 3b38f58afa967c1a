//! ErrorResponse and NoticeResponse: building our own, reading a server's.

mod fields;
mod severity;

pub use fields::{Field, Fields};
pub use severity::Severity;

use crate::{SqlState, backend, write};

/// Field codes of an ErrorResponse.
pub mod field {
    /// Severity in the server's language.
    pub const SEVERITY: u8 = b'S';
    /// Severity, never translated (since PostgreSQL 9.6).
    pub const SEVERITY_PLAIN: u8 = b'V';
    /// SQLSTATE.
    pub const CODE: u8 = b'C';
    /// What happened, in one line.
    pub const MESSAGE: u8 = b'M';
    /// Details.
    pub const DETAIL: u8 = b'D';
    /// What to do.
    pub const HINT: u8 = b'H';
    /// Where in the query, in characters from 1.
    pub const POSITION: u8 = b'P';
    /// Where in `INTERNAL_QUERY`.
    pub const INTERNAL_POSITION: u8 = b'p';
    /// The text of a query that the server made itself.
    pub const INTERNAL_QUERY: u8 = b'q';
    /// The call stack of the server's functions.
    pub const CONTEXT: u8 = b'W';
    /// Schema of the object.
    pub const SCHEMA: u8 = b's';
    /// The table.
    pub const TABLE: u8 = b't';
    /// The column.
    pub const COLUMN: u8 = b'c';
    /// The data type.
    pub const DATA_TYPE: u8 = b'd';
    /// The constraint.
    pub const CONSTRAINT: u8 = b'n';
    /// Source file.
    pub const FILE: u8 = b'F';
    /// Source line.
    pub const LINE: u8 = b'L';
    /// Source function.
    pub const ROUTINE: u8 = b'R';
}

/// An error or a notice that we make. What it says must be fit for a client's eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorResponse<'a> {
    severity: Severity,
    code: SqlState,
    message: &'a str,
    detail: Option<&'a str>,
    hint: Option<&'a str>,
}

impl<'a> ErrorResponse<'a> {
    /// An error that ends the statement.
    pub fn error(code: SqlState, message: &'a str) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// An error that ends the session.
    pub fn fatal(code: SqlState, message: &'a str) -> Self {
        Self::new(Severity::Fatal, code, message)
    }

    /// An error or a notice of any severity.
    pub fn new(severity: Severity, code: SqlState, message: &'a str) -> Self {
        ErrorResponse { severity, code, message, detail: None, hint: None }
    }

    /// The same with details.
    #[must_use]
    pub fn detail(mut self, detail: &'a str) -> Self {
        self.detail = Some(detail);
        self
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: &'a str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Appends the message: ErrorResponse for errors, NoticeResponse for what is milder.
    pub fn put(&self, out: &mut Vec<u8>) {
        let kind = if self.severity.is_error() {
            backend::kind::ERROR_RESPONSE
        } else {
            backend::kind::NOTICE_RESPONSE
        };
        let parts = [
            (field::SEVERITY, Some(self.severity.as_str())),
            (field::SEVERITY_PLAIN, Some(self.severity.as_str())),
            (field::CODE, Some(self.code.as_str())),
            (field::MESSAGE, Some(self.message)),
            (field::DETAIL, self.detail),
            (field::HINT, self.hint),
        ];
        write::message(out, kind, |body| {
            for (code, text) in parts {
                let Some(text) = text else { continue };
                body.push(code);
                write::string(body, text.as_bytes());
            }
            body.push(0);
        });
    }

    /// Appends the error as clients before protocol 3 understand it: `E`, a line of text, NUL, without length. A
    /// server answers so when the startup packet asks for such a version.
    pub fn put_legacy(&self, out: &mut Vec<u8>) {
        out.push(backend::kind::ERROR_RESPONSE);
        write::string(out, format!("{}:  {}\n", self.severity.as_str(), self.message).as_bytes());
    }
}

#[cfg(test)]
mod tests;
