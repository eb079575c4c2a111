//! Detects layers in the wrong order.

use std::fmt;

use super::Context;
use crate::protocol::Error;

/// A layer whose place in the stack matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Detach,
    MethodOverride,
    CachedHead,
    BaseUrl,
    Version,
    Route,
    Interrupt,
    Access,
    #[cfg_attr(not(feature = "expiration"), allow(dead_code))]
    Expiration,
    SizeLimit,
    CreationWithUpload,
    Lock,
    #[cfg_attr(not(feature = "hooks"), allow(dead_code))]
    Hooks,
    #[cfg_attr(not(feature = "concatenation"), allow(dead_code))]
    Concatenation,
}

use Place::{
    Access, BaseUrl, CachedHead, Concatenation, CreationWithUpload, Detach, Expiration, Hooks,
    Interrupt, Lock, MethodOverride, Route, SizeLimit, Version,
};

impl Place {
    /// Returns the layers that this one must stand outside of.
    const fn inside(self) -> &'static [Self] {
        match self {
            // A lock must not be released while the work under it goes on.
            Detach => &[Interrupt, CreationWithUpload, Lock, Hooks, Concatenation],
            // Whatever depends on the method must use the new one.
            MethodOverride => &[
                CachedHead,
                Version,
                Route,
                Access,
                Expiration,
                CreationWithUpload,
                Lock,
                Hooks,
            ],
            // They would treat the request as a GET.
            CachedHead => &[Version, Route],
            // Route sets a base URL if there is none.
            BaseUrl => &[Route],
            // A refused request must not interrupt another one.
            Version => &[Access, Expiration, CreationWithUpload, Lock, Hooks],
            // They rely on the target, and Route must not replace it.
            Route => &[
                Access,
                Expiration,
                CreationWithUpload,
                Lock,
                Hooks,
                Concatenation,
            ],
            // Otherwise no holder of a lock could be interrupted, and no hook could
            // stop an upload.
            Interrupt => &[Lock, Hooks],
            // A client without access must not interrupt a holder, nor learn when an
            // upload expires, and a creation is checked only once.
            Access => &[Expiration, CreationWithUpload, Lock, Hooks, Concatenation],
            // Their refusals of a PATCH must tell when the upload expires.
            Expiration => &[SizeLimit, CreationWithUpload, Lock, Hooks, Concatenation],
            // The derived PATCH must be locked, and is a separate step for hooks.
            CreationWithUpload => &[Lock, Hooks, Concatenation],
            // They expect the upload to be locked.
            Lock => &[Hooks, Concatenation],
            // Concatenation runs the gates of Hooks.
            Hooks => &[Concatenation],
            SizeLimit | Concatenation => &[],
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// The layers that a request has passed on its way in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passed(pub(super) u16);

impl Context {
    /// Records that the request passes a layer. If it has passed a layer that must
    /// stand inside this one, [rejects](Self::reject) it; the log then says how to
    /// reorder the layers.
    pub(crate) fn pass(&mut self, layer: Place) {
        let passed = self.passed.0;
        let wrong = layer.inside().iter().find(|it| passed & it.bit() != 0);
        if let Some(&outer) = wrong {
            self.reject(Error::internal(WrongOrder { layer, outer }));
        }
        self.passed.0 |= layer.bit();
    }
}

/// A layer stands inside one that it must stand outside of.
#[derive(Debug)]
struct WrongOrder {
    layer: Place,
    outer: Place,
}

impl fmt::Display for WrongOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layer, outer } = self;
        write!(
            f,
            "wrong order of layers: {layer:?}Layer stands inside {outer:?}Layer; put it outside"
        )
    }
}

impl std::error::Error for WrongOrder {}
