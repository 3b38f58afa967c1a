use super::kind;
use crate::{Body, BodyError, Formats};

/// Which way COPY data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CopyDirection {
    /// From the client: `COPY ... FROM STDIN`.
    In,
    /// To the client: `COPY ... TO STDOUT`.
    Out,
    /// Both ways: streaming replication.
    Both,
}

impl CopyDirection {
    /// The direction that begins with a message of this kind.
    pub fn of_kind(kind: u8) -> Option<Self> {
        match kind {
            kind::COPY_IN_RESPONSE => Some(Self::In),
            kind::COPY_OUT_RESPONSE => Some(Self::Out),
            kind::COPY_BOTH_RESPONSE => Some(Self::Both),
            _ => None,
        }
    }

    /// The kind of the message that begins it.
    pub fn kind(self) -> u8 {
        match self {
            Self::In => kind::COPY_IN_RESPONSE,
            Self::Out => kind::COPY_OUT_RESPONSE,
            Self::Both => kind::COPY_BOTH_RESPONSE,
        }
    }
}

/// CopyInResponse, CopyOutResponse or CopyBothResponse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyResponse<'a> {
    /// Which of them.
    pub direction: CopyDirection,
    /// Format of the whole: 0 text, 1 binary.
    pub format: u8,
    /// Formats of the columns.
    pub columns: Formats<'a>,
}

impl<'a> CopyResponse<'a> {
    pub(super) fn read(direction: CopyDirection, body: &mut Body<'a>) -> Result<Self, BodyError> {
        Ok(CopyResponse { direction, format: body.u8()?, columns: Formats::read(body)? })
    }
}
