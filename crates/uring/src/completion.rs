use crate::memory::Filled;

/// What the kernel has to say of what was asked. The names are those that the requests were given.
#[derive(Debug)]
pub enum Completion {
    /// A stream brought bytes.
    Received {
        /// The stream.
        name: u64,
        /// They are here; the buffer has to be [given back](crate::Ring::give_back).
        bytes: Filled,
        /// False when nothing more comes before the stream is armed again.
        more: bool,
    },
    /// A stream's receiving has ended.
    Ended {
        /// The stream.
        name: u64,
        /// Why.
        why: End,
    },
    /// Something is ready, or has failed.
    Ready {
        /// What was watched.
        name: u64,
        /// For what, in the bits of `poll(2)`.
        mask: u32,
        /// False when it is not watched any more.
        more: bool,
    },
    /// The kernel did not take all that was sent in the last turn. It has to be sent before anything else.
    Unsent {
        /// The stream.
        name: u64,
        /// What is left.
        rest: Vec<u8>,
        /// The peer cannot be written to any more.
        broken: bool,
    },
}

/// Why a stream's receiving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer has closed its side.
    Closed,
    /// The socket has failed.
    Failed,
    /// All buffers were in use. The stream can be armed again when some have been given back.
    NoBuffers,
    /// It was cancelled, or interrupted.
    Stopped,
}

impl Completion {
    /// The stream whose receiving, if any, is over with this.
    pub(crate) fn ends(&self) -> Option<u64> {
        match self {
            Completion::Received { name, more: false, .. } | Completion::Ended { name, .. } => Some(*name),
            Completion::Received { more: true, .. }
            | Completion::Ready { .. }
            | Completion::Unsent { .. } => None,
        }
    }
}
