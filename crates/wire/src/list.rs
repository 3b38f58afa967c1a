//! Lists inside messages: checked whole when the message is read, walked without allocation afterwards.

use crate::{Body, BodyError};

macro_rules! numbers {
    ($(#[$doc:meta])* $name:ident, $item:ty, $read:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<'a>(Body<'a>);

        impl<'a> $name<'a> {
            /// Reads the count and that many numbers.
            pub(crate) fn read(body: &mut Body<'a>) -> Result<Self, BodyError> {
                let n = usize::from(body.u16()?);
                body.bytes(n * size_of::<$item>()).map(|bytes| $name(Body::new(bytes)))
            }
        }

        impl Iterator for $name<'_> {
            type Item = $item;

            fn next(&mut self) -> Option<$item> {
                self.0.$read().ok()
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                let n = self.0.len() / size_of::<$item>();
                (n, Some(n))
            }
        }

        impl ExactSizeIterator for $name<'_> {}
    };
}

numbers! {
    /// Object ids of types; 0 leaves a type to the server.
    Oids, u32, u32
}

numbers! {
    /// Format codes: 0 text, 1 binary.
    Formats, i16, i16
}

/// Values in order, NULL as `None`: a row's columns, a statement's parameters, a function's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Values<'a> {
    left: u16,
    body: Body<'a>,
}

impl<'a> Values<'a> {
    /// Reads the count and that many values.
    pub(crate) fn read(body: &mut Body<'a>) -> Result<Self, BodyError> {
        let left = body.u16()?;
        let start = *body;
        for _ in 0..left {
            body.value()?;
        }
        let mut all = start;
        let bytes = all.bytes(start.len() - body.len())?;
        Ok(Values { left, body: Body::new(bytes) })
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Option<&'a [u8]>> {
        self.left = self.left.checked_sub(1)?;
        self.body.value().ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(self.left), Some(usize::from(self.left)))
    }
}

impl ExactSizeIterator for Values<'_> {}
