use crate::{Body, BodyError, ProtocolVersion};

/// NegotiateProtocolVersion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiate<'a> {
    /// The version that the server goes on with.
    pub version: ProtocolVersion,
    /// The `_pq_.` options that the server does not know.
    pub unknown: Options<'a>,
}

/// Names of options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options<'a> {
    left: u32,
    body: Body<'a>,
}

impl<'a> Negotiate<'a> {
    pub(super) fn read(body: &mut Body<'a>) -> Result<Self, BodyError> {
        let version = ProtocolVersion::from_code(body.u32()?);
        let left = body.u32()?;
        let unknown = Options { left, body: *body };
        for _ in 0..left {
            body.string()?;
        }
        Ok(Negotiate { version, unknown })
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        self.body.string().ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // More names than the body has bytes were refused when it was read.
        let n = usize::try_from(self.left).unwrap_or(usize::MAX);
        (n, Some(n))
    }
}

impl ExactSizeIterator for Options<'_> {}
