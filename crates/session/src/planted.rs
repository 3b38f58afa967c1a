//! Mistakes that tests make on purpose, to see that the transparency oracle finds them.
//!
//! Without the feature `planted-bugs`, which only the oracle's tests turn on, [`planted`] is false at compile time
//! and nothing of this is left in the program.

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "planted-bugs"),
    allow(unreachable_pub, reason = "it is public with the feature only")
)]
pub enum PlantedBug {
    /// After an error the session does not know that the server discards everything up to the Sync.
    ForgetsToSkip,
    /// A backend with a batch that no Sync has ended counts as one that waits for the next unit.
    ForgetsOpenBatch,
    /// Reads are balanced although a transaction is open.
    ForgetsTransaction,
    /// A Sync is taken to be answered whatever COPY may be under way.
    SyncInCopyCounts,
    /// A Sync is held until an answer that the server never sends unasked.
    HoldsWithoutFlush,
    /// A session goes on being balanced after it has written or changed its settings.
    NeverPins,
    /// The unnamed statement stays behind on the reader.
    ForgetsUnnamed,
    /// A notice of one backend is written into the middle of another's message.
    CutsMessages,
    /// A backend is lent again that has a part of a client's message.
    LendsMidMessage,
    /// A backend is lent again without a reset.
    LendsUnreset,
    /// Whatever a simple query does, it counts as one that leaves nothing behind.
    SparesResets,
    /// A backend is lent again before a cancel request for it has arrived.
    LendsBeforeCancel,
    /// An administrative statement is answered before what was asked earlier.
    AnswersOutOfTurn,
    /// What is held begins one piece too late.
    LosesHeldBytes,
    /// Input that waits for a ReadyForQuery is not read again.
    ForgetsToResume,
    /// A read is sent once more although a part of its answer was shown.
    RepeatsWhatWasShown,
    /// A reader is not told what the session has set.
    ForgetsSettings,
    /// A setting holds although its transaction was rolled back.
    KeepsRolledBack,
    /// A setting of SET LOCAL holds after its transaction.
    KeepsLocal,
    /// A reader stays in the client's transaction when that has ended.
    LeavesReaderInTransaction,
    /// A read has failed on the reader, and the lead's transaction goes on.
    KeepsLeadGoing,
    /// A reader is not told of the statements that were prepared elsewhere.
    ForgetsNamed,
    /// A question of the session's own that fails takes the client's transaction with it.
    AsksUnguarded,
    /// What is behind a front that has failed is run.
    GoesOnBehindFront,
    /// A read does not wait until a standby has replayed what the session has seen.
    DoesNotWaitForReplay,
    /// Answers to what the session itself has asked are shown to the client.
    ShowsHidden,
    /// A new lead is not told what the session has set.
    ForgetsSettingsOfLead,
    /// A statement that was closed on one backend stays on the others.
    KeepsClosed,
    /// What the session has seen is forgotten when another node takes the writes.
    ForgetsWhatWasSeen,
    /// A Parse of the unnamed statement is taken for the one before it, whatever it says.
    MistakesParse,
    /// What the requests of a batch have changed is not noted.
    ForgetsEffects,
}

#[cfg(feature = "planted-bugs")]
impl PlantedBug {
    /// All of them.
    pub const ALL: [PlantedBug; 31] = [
        Self::ForgetsToSkip,
        Self::ForgetsOpenBatch,
        Self::ForgetsTransaction,
        Self::SyncInCopyCounts,
        Self::HoldsWithoutFlush,
        Self::NeverPins,
        Self::ForgetsUnnamed,
        Self::CutsMessages,
        Self::LendsMidMessage,
        Self::LendsUnreset,
        Self::SparesResets,
        Self::LendsBeforeCancel,
        Self::AnswersOutOfTurn,
        Self::LosesHeldBytes,
        Self::ForgetsToResume,
        Self::RepeatsWhatWasShown,
        Self::ForgetsSettings,
        Self::KeepsRolledBack,
        Self::KeepsLocal,
        Self::LeavesReaderInTransaction,
        Self::KeepsLeadGoing,
        Self::ForgetsNamed,
        Self::AsksUnguarded,
        Self::GoesOnBehindFront,
        Self::DoesNotWaitForReplay,
        Self::ShowsHidden,
        Self::ForgetsSettingsOfLead,
        Self::KeepsClosed,
        Self::ForgetsWhatWasSeen,
        Self::MistakesParse,
        Self::ForgetsEffects,
    ];
}

#[cfg(feature = "planted-bugs")]
mod switch {
    use core::cell::Cell;

    use super::PlantedBug;

    std::thread_local! {
        static PLANTED: Cell<Option<PlantedBug>> = const { Cell::new(None) };
    }

    /// Makes the sessions of this thread make a mistake, or none again.
    pub fn plant(bug: Option<PlantedBug>) {
        PLANTED.set(bug);
    }

    pub(crate) fn planted(bug: PlantedBug) -> bool {
        PLANTED.get() == Some(bug)
    }
}

#[cfg(feature = "planted-bugs")]
pub use switch::plant;
#[cfg(feature = "planted-bugs")]
pub(crate) use switch::planted;

/// True when the mistake is to be made.
#[cfg(not(feature = "planted-bugs"))]
pub(crate) const fn planted(_: PlantedBug) -> bool {
    false
}
