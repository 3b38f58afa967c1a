use core::fmt;

/// A version of the protocol, as a startup packet names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProtocolVersion {
    /// 3 for every version that is spoken here.
    pub major: u16,
    /// 0, or 2 since PostgreSQL 18 (longer cancel keys).
    pub minor: u16,
}

impl ProtocolVersion {
    /// What all clients and servers since PostgreSQL 7.4 speak.
    pub const V3_0: Self = ProtocolVersion { major: 3, minor: 0 };
    /// PostgreSQL 18's: cancel keys of up to 256 bytes.
    pub const V3_2: Self = ProtocolVersion { major: 3, minor: 2 };
    /// The newest that is spoken here.
    pub const LATEST: Self = Self::V3_2;

    /// The version in a startup packet's second word.
    pub fn from_code(code: u32) -> Self {
        ProtocolVersion { major: (code >> 16) as u16, minor: (code & 0xffff) as u16 }
    }

    /// The word that stands for it.
    pub fn code(self) -> u32 {
        u32::from(self.major) << 16 | u32::from(self.minor)
    }

    /// What is spoken with a client that asks for this version: no more than [`Self::LATEST`].
    #[must_use]
    pub fn spoken(self) -> Self {
        self.min(Self::LATEST)
    }

    /// Bytes of the longest cancel key that this version allows in BackendKeyData.
    pub fn longest_key(self) -> usize {
        if self >= Self::V3_2 { 256 } else { 4 }
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
