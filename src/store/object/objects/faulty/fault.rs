/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The server ends before it.
    CrashBefore,
    /// The server ends before the answer.
    CrashAfter,
    /// The server ends before the answer, and the call arrives when it is
    /// [released](super::Faulty::release).
    CrashLate,
    /// It does not arrive, and nobody answers.
    Lost,
    /// It is done, and nobody answers.
    Unanswered,
    /// Nobody answers, and it arrives a little later, while the server still asks.
    Slow,
    /// Nobody answers, and it arrives when it is [released](super::Faulty::release).
    Late,
    /// It is done twice, and the second one is answered: the first answer was lost, and
    /// the client of the cloud has tried again.
    Twice,
    /// It is not done, because there is too much to do.
    Busy,
    /// It does not arrive, nobody answers, and all later ones are [busy](Self::Busy).
    LostThenBusy,
}

impl Fault {
    /// Returns what happens to all later calls.
    pub(super) const fn afterwards(self) -> Option<Self> {
        match self {
            Self::CrashBefore | Self::CrashAfter | Self::CrashLate => Some(Self::Lost),
            Self::LostThenBusy => Some(Self::Busy),
            Self::Lost | Self::Unanswered | Self::Slow | Self::Late | Self::Twice | Self::Busy => {
                None
            }
        }
    }
}
