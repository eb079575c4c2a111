//! Layers that stand in the wrong order.

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
    CreationWithUpload,
    Lock,
    #[cfg_attr(not(feature = "hooks"), allow(dead_code))]
    Hooks,
    #[cfg_attr(not(feature = "concatenation"), allow(dead_code))]
    Concatenation,
}

use Place::{
    Access, BaseUrl, CachedHead, Concatenation, CreationWithUpload, Detach, Hooks, Interrupt, Lock,
    MethodOverride, Route, Version,
};

impl Place {
    /// The layers that it has to stand outside of.
    const fn inside(self) -> &'static [Self] {
        match self {
            // A lock must not be released while the work under it goes on.
            Detach => &[Interrupt, CreationWithUpload, Lock, Hooks, Concatenation],
            // What the method decides must be decided by the new one.
            MethodOverride => &[
                CachedHead,
                Version,
                Route,
                Access,
                CreationWithUpload,
                Lock,
                Hooks,
            ],
            // GET is refused where downloads are off.
            CachedHead => &[Version, Route],
            // Route sets the base URL where none is set.
            BaseUrl => &[Route],
            // A request that is refused must not interrupt another one.
            Version => &[Access, CreationWithUpload, Lock, Hooks],
            // They rely on the target, and must not have it replaced.
            Route => &[Access, CreationWithUpload, Lock, Hooks, Concatenation],
            // A holder could not be asked to let go, and no hook could stop an upload.
            Interrupt => &[Lock, Hooks],
            // A stranger must not interrupt a holder, and a creation is one question.
            Access => &[CreationWithUpload, Lock, Hooks, Concatenation],
            // Its PATCH has to be locked, and is a step of its own for hooks.
            CreationWithUpload => &[Lock, Hooks, Concatenation],
            // They work on an upload that is locked.
            Lock => &[Hooks, Concatenation],
            // Concatenation asks the gates of hooks.
            Hooks => &[Concatenation],
            Concatenation => &[],
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
    /// Notes that the request passes a layer. If it has passed a layer that this one
    /// has to stand outside of, the request is [rejected](Self::reject), with an
    /// error whose text in the log tells how to put them right.
    pub(crate) fn pass(&mut self, layer: Place) {
        let passed = self.passed.0;
        let wrong = layer.inside().iter().find(|it| passed & it.bit() != 0);
        if let Some(&outer) = wrong {
            self.reject(Error::internal(WrongOrder { layer, outer }));
        }
        self.passed.0 |= layer.bit();
    }
}

/// A layer stands inside another one that belongs inside it.
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
