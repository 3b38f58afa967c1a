use pgherd_types::{BackendId, Fault, Lease, NodeId};

use crate::Timer;

/// What happened. Byte slices are borrowed from the driver's read buffer and are never kept.
#[derive(Debug)]
pub enum Event<'a> {
    /// The client sent bytes, or the driver hands back those that [`Action::HoldClient`](crate::Action::HoldClient)
    /// kept.
    ClientBytes(&'a [u8]),
    /// The client will send nothing more, and may still be listening. No more of its bytes follow.
    ClientDone,
    /// The client's socket failed: nobody listens any more. No further event of the client follows.
    ClientGone,
    /// The session may be served: it is within `num_init_children`. Answers `Action::Admit`.
    Admitted,
    /// The session may not be served (`reserved_connections`, or shutting down). Answers `Action::Admit`.
    NotAdmitted,
    /// A backend was leased to the session. Answers `Action::Acquire`.
    Granted(Lease),
    /// No backend could be had. Answers `Action::Acquire`.
    Refused {
        /// The node that was asked for.
        node: NodeId,
        /// Why.
        why: &'a Refusal,
    },
    /// A leased backend sent bytes.
    BackendBytes {
        /// Which one.
        backend: BackendId,
        /// What it sent.
        bytes: &'a [u8],
    },
    /// A leased backend closed its side, or its socket failed. What it sent before was delivered.
    BackendGone {
        /// Which one.
        backend: BackendId,
        /// How.
        why: Gone,
    },
    /// A cancel request with this session's key arrived.
    CancelAsked,
    /// The cancel request that `Action::CancelBackend` asked for has been delivered, or could not be.
    CancelDone {
        /// The backend that it was for.
        backend: BackendId,
    },
    /// What the text of `Action::Admin` is answered with: whole messages from RowDescription to CommandComplete, or an
    /// ErrorResponse, without ReadyForQuery. `None`: it is not for us, and goes to a server like any other.
    AdminAnswer(Option<&'a [u8]>),
    /// A timer that `Action::Arm` set has expired.
    Timer(Timer),
    /// pgherd is shutting down, or the session is to end for another reason of the operator's.
    Drain(Shutdown),
}

/// How a backend went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gone {
    /// It closed the connection.
    Closed,
    /// The socket failed.
    Failed,
}

/// Why no backend could be had.
#[derive(Debug)]
pub enum Refusal {
    /// The server answered the startup packet with this ErrorResponse (a whole message, header included). It is
    /// the client's to see, unchanged.
    Server(Vec<u8>),
    /// The node could not be reached or did not behave, or we have no password for it.
    Fault(Fault),
    /// The server asked for a password and we have none for the user, or the one that we have is wrong in kind.
    NoPassword,
}

/// How pgherd stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shutdown {
    /// No new clients; those who are here may finish.
    Smart,
    /// Sessions end now, transactions are rolled back (57P01).
    Fast,
    /// Sessions end now, without ceremony (57P02).
    Immediate,
}
