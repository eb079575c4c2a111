//! A check: what it proves, what it needs, and what it does.

use std::future::Future;
use std::pin::Pin;

use crate::peer::Peer;

/// Asks a server something, and panics where the answer is wrong.
pub(crate) struct Check {
    /// The statements that it proves, with spaces between them.
    pub(crate) ids: &'static str,
    /// The name of its function, which is a sentence.
    pub(crate) name: &'static str,
    /// What the server has to offer: see [`crate::server::Server::offers`].
    pub(crate) needs: &'static [&'static [&'static str]; 2],
    pub(crate) run: fn(Peer) -> Pin<Box<dyn Future<Output = ()>>>,
}

impl Check {
    pub(crate) fn ids(&self) -> impl Iterator<Item = &'static str> {
        self.ids.split(' ')
    }

    pub(crate) fn needs(&self) -> impl Iterator<Item = &'static str> {
        self.needs.iter().copied().flatten().copied()
    }

    /// Its ids, and what it says.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.ids, self.name.replace('_', " "))
    }
}

/// The checks of a module: what all of them need, and then for each one its
/// ids, its function, and what it needs besides.
macro_rules! checks {
    ($needs:expr; $($ids:literal $check:ident $([$($need:literal),+])?,)+) => {
        pub(crate) const CHECKS: &[crate::check::Check] = &[$(crate::check::Check {
            ids: $ids,
            name: stringify!($check),
            needs: &[&$needs, &[$($($need),+)?]],
            run: |peer| Box::pin($check(peer)),
        }),+];
    };
}
pub(crate) use checks;
