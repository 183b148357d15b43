//! Deliberate bugs, to see that `tests/simulation` finds each. Without the feature `mutants` none of them is compiled.

/// A deliberate bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after what goes wrong")]
pub enum Mutant {
    SwapReplies,
    ForgetResubscribe,
    RepeatAnything,
    LeakSlots,
    CallWrittenNotSent,
    DropSwallowed,
    HideGaps,
    MistakeNames,
    LoseUnsubscribes,
    IgnoreDeadlines,
    KeepLiars,
    ResubmitWhenDraining,
    EndTwice,
    NeverRetry,
    MiscountWritten,
    OverfillLinks,
    ForgetDiscard,
    ShareLeases,
    KeepReserved,
    KeepTainted,
    KeepBlocked,
    BlockOnMain,
    IgnoreWaiters,
    RepeatScripts,
    RenewInTransactions,
    SkipGreeting,
    MistakeProbes,
    CloseBlocked,
    KeepSilent,
    TakeReplicas,
    TakePlaces,
    EndDenied,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 32] = [
        Self::SwapReplies,
        Self::ForgetResubscribe,
        Self::RepeatAnything,
        Self::LeakSlots,
        Self::CallWrittenNotSent,
        Self::DropSwallowed,
        Self::HideGaps,
        Self::MistakeNames,
        Self::LoseUnsubscribes,
        Self::IgnoreDeadlines,
        Self::KeepLiars,
        Self::ResubmitWhenDraining,
        Self::EndTwice,
        Self::NeverRetry,
        Self::MiscountWritten,
        Self::OverfillLinks,
        Self::ForgetDiscard,
        Self::ShareLeases,
        Self::KeepReserved,
        Self::KeepTainted,
        Self::KeepBlocked,
        Self::BlockOnMain,
        Self::IgnoreWaiters,
        Self::RepeatScripts,
        Self::RenewInTransactions,
        Self::SkipGreeting,
        Self::MistakeProbes,
        Self::CloseBlocked,
        Self::KeepSilent,
        Self::TakeReplicas,
        Self::TakePlaces,
        Self::EndDenied,
    ];
}

#[cfg(feature = "mutants")]
thread_local! {
    static CHOSEN: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Whether the core is to have this bug, in this thread.
#[cfg(feature = "mutants")]
#[must_use]
pub fn on(mutant: Mutant) -> bool {
    CHOSEN.get() == Some(mutant)
}

/// Whether the core is to have this bug: never, in this build.
#[cfg(not(feature = "mutants"))]
#[must_use]
pub const fn on(_mutant: Mutant) -> bool {
    false
}

/// Chooses the bug that the cores of this thread have, or none.
#[cfg(feature = "mutants")]
pub fn choose(mutant: Option<Mutant>) {
    CHOSEN.set(mutant);
}
