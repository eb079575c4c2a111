//! One check of the suite: the statements it proves, its requirements, and its
//! code.

use std::future::Future;
use std::pin::Pin;

use crate::peer::Peer;

/// A check sends requests to a server, and panics on a wrong response.
pub(crate) struct Check {
    /// The ids of the statements that it proves, separated by spaces.
    pub(crate) ids: &'static str,
    /// The name of its function, which is a sentence.
    pub(crate) name: &'static str,
    /// The features that the server must offer: see
    /// [`crate::server::Server::offers`].
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

    /// Returns its ids and its name.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.ids, self.name.replace('_', " "))
    }
}

/// Lists the checks of a module: the requirements of all of them, and then for
/// each one its ids, its function, and additional requirements.
macro_rules! checks {
    ($needs:expr; $($ids:literal $check:ident $([$($need:expr),+])?,)+) => {
        pub(crate) const CHECKS: &[crate::check::Check] = &[$(crate::check::Check {
            ids: $ids,
            name: stringify!($check),
            needs: &[&$needs, &[$($($need),+)?]],
            run: |peer| Box::pin($check(peer)),
        }),+];
    };
}
pub(crate) use checks;
