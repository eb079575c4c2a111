use std::fmt;

use bytes::Bytes;
use headers::HeaderMapExt;
use http::HeaderMap;
use http::header::TRAILER;
use http_body::Frame;

use super::claim::Claim;
use super::{Algorithms, Digest};
use crate::protocol::Error;
use crate::protocol::header::UPLOAD_CHECKSUM;

/// Whether bytes are those that their client speaks of, found out as they come.
pub(super) struct Check {
    algorithms: Algorithms,
    /// Comes at the end, unless it was there at the beginning.
    claim: Option<Claim>,
    /// The one that was named, or all where it is not known yet which it will be.
    running: Vec<(&'static str, Box<dyn Digest>)>,
}

impl Check {
    /// The check that a request asks for.
    ///
    /// A trailer counts only when it was announced, though it may come without
    /// that (CTR-03): else each body of which nothing was said would have to
    /// pass every algorithm, in case that one is named at its end, and would
    /// have to be kept only whole.
    pub(super) fn of(headers: &HeaderMap, algorithms: &Algorithms) -> Result<Option<Self>, Error> {
        let claim = read(headers, algorithms)?;
        match (&claim, announces_trailer(headers)) {
            (None, false) => return Ok(None),                      // CHK-13
            (Some(_), true) => return Err(Error::InvalidChecksum), // CTR-02
            _ => {}
        }
        // None runs for a digest that no bytes have: it is a mismatch at the end.
        let running = algorithms.iter().filter(|algorithm| {
            let claim = claim.as_ref();
            claim.is_none_or(|claim| algorithm.can_make(claim))
        });
        let running = running.map(|algorithm| (algorithm.name(), algorithm.begin()));
        Ok(Some(Self {
            algorithms: algorithms.clone(),
            running: running.collect(),
            claim,
        }))
    }

    /// Whether it needs what only trailers can tell.
    pub(super) const fn awaits_trailers(&self) -> bool {
        self.claim.is_none()
    }

    pub(super) fn see(&mut self, frame: &Frame<Bytes>) -> Result<(), Error> {
        if let Some(data) = frame.data_ref() {
            for (_, digest) in &mut self.running {
                digest.update(data);
            }
        }
        if let (true, Some(trailers)) = (self.awaits_trailers(), frame.trailers_ref()) {
            self.claim = read(trailers, &self.algorithms)?;
        }
        Ok(())
    }

    /// CHK-02
    pub(super) fn verify(self) -> Result<(), Error> {
        let claim = self.claim.ok_or(Error::InvalidChecksum)?; // CTR-02
        let mut running = self.running.into_iter();
        let named = running.find(|(name, _)| *name == claim.algorithm);
        match named.is_some_and(|(_, digest)| digest.finish() == claim.digest) {
            true => Ok(()),                        // CHK-05
            false => Err(Error::ChecksumMismatch), // CHK-04
        }
    }
}

/// What is said of the bytes, in headers or in trailers, when it can be verified.
fn read(headers: &HeaderMap, algorithms: &Algorithms) -> Result<Option<Claim>, Error> {
    match headers.typed_try_get::<Claim>() {
        Ok(claim) if claim.as_ref().is_none_or(|claim| algorithms.know(claim)) => Ok(claim),
        _ => Err(Error::InvalidChecksum),
    }
}

/// CTR-01
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
        f.debug_struct("Check")
            .field("claim", &self.claim)
            .finish_non_exhaustive()
    }
}
