use core::fmt;
use core::ops::RangeInclusive;

use crate::{Body, BodyError};

/// Bytes of a cancel key, from the protocol's description.
const KEY_BYTES: RangeInclusive<usize> = 4..=256;

/// BackendKeyData: what cancels a session's statements.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BackendKeyData<'a> {
    /// The server process.
    pub process_id: u32,
    /// The key, 4 to 256 bytes.
    pub key: &'a [u8],
}

impl<'a> BackendKeyData<'a> {
    pub(super) fn read(body: &mut Body<'a>) -> Result<Self, BodyError> {
        let process_id = body.u32()?;
        let key = body.rest();
        if KEY_BYTES.contains(&key.len()) {
            Ok(BackendKeyData { process_id, key })
        } else {
            Err(BodyError::BadCount)
        }
    }
}

/// Without the key: it is as good as a password.
impl fmt::Debug for BackendKeyData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendKeyData").field("process_id", &self.process_id).finish_non_exhaustive()
    }
}
