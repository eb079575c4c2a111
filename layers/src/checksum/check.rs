use std::fmt;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use headers::HeaderMapExt;
use http::HeaderMap;
use http::header::TRAILER;
use http_body::Frame;
use tokio::sync::OwnedSemaphorePermit;

use super::beside::{Beside, Digests};
use super::claim::Claim;
use super::settings::Settings;
use super::{Algorithm, Algorithms};
use crate::protocol::Error;
use crate::protocol::header::UPLOAD_CHECKSUM;

/// Compares the bytes of a body with the client's checksum as they arrive.
pub(super) enum Check {
    /// The checksum comes first, so only its digest runs.
    Header { claim: Claim, digests: Beside },
    /// The checksum comes last, so every digest that it may name runs.
    Trailer {
        algorithms: Algorithms,
        claim: Option<Claim>,
        digests: Beside,
        _permit: OwnedSemaphorePermit,
    },
}

impl Check {
    /// Returns the check that a request asks for, if any.
    ///
    /// A trailer counts only if it was announced, although clients may send one
    /// unannounced. Otherwise every body without an announcement would have to run
    /// through all algorithms, in case a trailer names one of them, and would have to
    /// be stored atomically.
    // CTR-03
    pub(super) fn of(headers: &HeaderMap, settings: &Settings) -> Result<Option<Self>, Error> {
        let claim = read(headers, &settings.algorithms)?;
        match (claim, announces_trailer(headers)) {
            (None, false) => Ok(None),                      // CHK-13
            (Some(_), true) => Err(Error::InvalidChecksum), // CTR-02
            (Some(claim), false) => {
                // No digest runs for a claim that no bytes can match: it is a
                // mismatch at the end.
                let digests = begin(&settings.algorithms, |it| it.can_make(&claim));
                let digests = Beside::new(digests);
                Ok(Some(Self::Header { claim, digests }))
            }
            (None, true) => Self::of_trailer(settings).map(Some),
        }
    }

    fn of_trailer(settings: &Settings) -> Result<Self, Error> {
        let algorithms = settings.in_trailers();
        if algorithms.is_empty() {
            return Err(Error::InvalidChecksum);
        }
        Ok(Self::Trailer {
            digests: Beside::new(begin(&algorithms, |_| true)),
            algorithms,
            claim: None,
            _permit: settings.admit()?,
        })
    }

    /// Whether the checksum comes in a trailer.
    pub(super) const fn awaits_trailers(&self) -> bool {
        matches!(self, Self::Trailer { .. })
    }

    /// Waits until more bytes can be processed.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self {
            Self::Header { digests, .. } | Self::Trailer { digests, .. } => digests.poll_room(cx),
        }
    }

    pub(super) fn see(&mut self, frame: &Frame<Bytes>) -> Result<(), Error> {
        match (self, frame.data_ref(), frame.trailers_ref()) {
            (Self::Header { digests, .. } | Self::Trailer { digests, .. }, Some(data), _) => {
                digests.push(data.clone());
            }
            (
                Self::Trailer {
                    algorithms, claim, ..
                },
                _,
                Some(trailers),
            ) => *claim = read(trailers, algorithms)?,
            _ => {}
        }
        Ok(())
    }

    /// Returns the verdict, after the last frame.
    // CHK-02
    pub(super) fn poll_verify(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let (claim, digests) = match self {
            Self::Header { claim, digests } => (&*claim, digests),
            Self::Trailer { claim, digests, .. } => {
                let Some(claim) = claim else {
                    return Poll::Ready(Err(Error::InvalidChecksum)); // CTR-02
                };
                (&*claim, digests)
            }
        };
        let digests = ready!(digests.poll_done(cx))?;
        Poll::Ready(verify(claim, digests))
    }
}

fn begin(algorithms: &Algorithms, wanted: impl Fn(&Algorithm) -> bool) -> Digests {
    let wanted = algorithms.iter().filter(|algorithm| wanted(algorithm));
    wanted.map(|it| (it.name(), it.begin())).collect()
}

fn verify(claim: &Claim, digests: Digests) -> Result<(), Error> {
    let mut digests = digests.into_iter();
    let named = digests.find(|(name, _)| *name == claim.algorithm);
    match named.is_some_and(|(_, digest)| digest.finish() == claim.digest) {
        true => Ok(()),                        // CHK-05
        false => Err(Error::ChecksumMismatch), // CHK-04
    }
}

/// Reads the checksum from headers or trailers. Fails if it is malformed or its
/// algorithm is unknown.
fn read(headers: &HeaderMap, algorithms: &Algorithms) -> Result<Option<Claim>, Error> {
    match headers.typed_try_get::<Claim>() {
        Ok(claim) if claim.as_ref().is_none_or(|claim| algorithms.know(claim)) => Ok(claim),
        _ => Err(Error::InvalidChecksum),
    }
}

// CTR-01
fn announces_trailer(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(TRAILER).iter();
    let mut names = lists.flat_map(|list| list.as_bytes().split(|&byte| byte == b','));
    names.any(|name| {
        name.trim_ascii()
            .eq_ignore_ascii_case(UPLOAD_CHECKSUM.as_str().as_bytes())
    })
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Header { .. } => "Header",
            Self::Trailer { .. } => "Trailer",
        };
        f.debug_struct(name).finish_non_exhaustive()
    }
}
