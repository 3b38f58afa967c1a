use super::{Severity, field};
use crate::{Body, BodyError, SqlState, backend};

/// The fields of an ErrorResponse or NoticeResponse, in the server's order.
///
/// It reads what is there: of a message whose end is missing it gives the fields that are whole, so that a long
/// error can be judged by its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields<'a>(Body<'a>);

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Which one, see [`field`].
    pub code: u8,
    /// Its text, in the encoding of the session.
    pub text: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields in the body of a message, or in the head of one.
    pub fn of_body(body: &'a [u8]) -> Self {
        Fields(Body::new(body))
    }

    /// The fields of one whole ErrorResponse or NoticeResponse.
    ///
    /// # Errors
    /// When it is another message, is not whole, or does not end after its last field.
    pub fn of_message(message: &'a [u8]) -> Result<Self, BodyError> {
        let (kind, body) = Body::of_message(message)?;
        if kind != backend::kind::ERROR_RESPONSE && kind != backend::kind::NOTICE_RESPONSE {
            return Err(BodyError::UnknownKind(kind));
        }
        let mut rest = body;
        while rest.u8()? != 0 {
            rest.string()?;
        }
        rest.end()?;
        Ok(Fields(body))
    }

    /// One field.
    pub fn get(self, code: u8) -> Option<&'a [u8]> {
        self.into_iter().find_map(|field| (field.code == code).then_some(field.text))
    }

    /// How bad it is: from the untranslated field, or from the other one where the server is older than 9.6.
    pub fn severity(self) -> Option<Severity> {
        let word = self.get(field::SEVERITY_PLAIN).or_else(|| self.get(field::SEVERITY))?;
        Severity::parse(word)
    }

    /// SQLSTATE.
    pub fn code(self) -> Option<SqlState> {
        SqlState::parse(self.get(field::CODE)?)
    }

    /// What happened.
    pub fn message(self) -> Option<&'a [u8]> {
        self.get(field::MESSAGE)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let code = self.0.u8().ok().filter(|&code| code != 0)?;
        let text = self.0.string().ok()?;
        Some(Field { code, text })
    }
}
