//! Maps errors of request bodies to errors of this crate.

use std::error::Error as StdError;
use std::io;

use http_body_util::LengthLimitError;
use tokio::time::error::Elapsed;

use super::Error;
use crate::protocol::BoxError;

impl Error {
    /// Maps an error of a request body, which may come from the server or from
    /// any middleware. The first known error in the chain of sources decides:
    ///
    /// | error | becomes | status |
    /// |---|---|---|
    /// | an `Error` | itself | its own |
    /// | `http_body_util::LengthLimitError`, for example from tower-http's `RequestBodyLimit` | [`MaxSizeExceeded`](Self::MaxSizeExceeded) | 413 |
    /// | tokio's `Elapsed`, an I/O error `TimedOut`, a timeout of hyper | [`ReadTimeout`](Self::ReadTimeout) | 500 |
    /// | an I/O error `ConnectionReset` | [`ConnectionReset`](Self::ConnectionReset) | 500 |
    /// | an I/O error `UnexpectedEof`, `ConnectionAborted` or `BrokenPipe` | [`UnexpectedEof`](Self::UnexpectedEof) | 400 |
    /// | any other `hyper::Error`, for example if a client cancels an HTTP/2 stream | [`UnexpectedEof`](Self::UnexpectedEof) | 400 |
    /// | anything else | [`BodyRead`](Self::BodyRead) | 500 |
    ///
    /// Clients retry after a 5xx, and after 409 and 423 but no other 4xx, so an
    /// error that is not known to be permanent becomes a 5xx. No client reads the
    /// 400, because that client has disconnected. Whatever the error, the bytes
    /// that arrived before it are kept unless they belong to a checksummed
    /// chunk.
    ///
    /// For errors that are not in the table, such as tower-http's
    /// `TimeoutError`, see [`from_body_with`](Self::from_body_with).
    pub fn from_body(source: impl Into<BoxError>) -> Self {
        Self::from_body_with(source, |_| None)
    }

    /// Maps an error of a request body with `name`. It is called with each
    /// error in the chain of sources, the outermost first. If it returns `None`
    /// for all of them, [`from_body`](Self::from_body) decides.
    ///
    /// ```
    /// use tower_tus_layers::protocol::Error;
    ///
    /// #[derive(Debug)]
    /// struct TooSlow;
    /// # impl std::error::Error for TooSlow {}
    /// # impl std::fmt::Display for TooSlow {
    /// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    /// #         f.write_str("too slow")
    /// #     }
    /// # }
    ///
    /// let name = |error: &(dyn std::error::Error + 'static)| {
    ///     error.is::<TooSlow>().then_some(Error::ReadTimeout)
    /// };
    /// let error = Error::from_body_with(std::io::Error::other(TooSlow), name);
    /// assert!(matches!(error, Error::ReadTimeout));
    /// ```
    pub fn from_body_with<F>(source: impl Into<BoxError>, name: F) -> Self
    where
        F: Fn(&(dyn StdError + 'static)) -> Option<Self>,
    {
        let source = match source.into().downcast::<Self>() {
            Ok(error) => return *error,
            Err(source) => source,
        };
        let named = chain(&*source).find_map(name);
        match named.map(Meaning::Named).or_else(|| Meaning::of(&*source)) {
            Some(Meaning::Named(error)) => error,
            Some(Meaning::Reset) => Self::ConnectionReset(source.into()),
            Some(Meaning::Disconnect) => Self::UnexpectedEof(Some(source.into())),
            None => Self::BodyRead(source.into()),
        }
    }
}

enum Meaning {
    Named(Error),
    Reset,
    Disconnect,
}

impl Meaning {
    fn of(error: &(dyn StdError + 'static)) -> Option<Self> {
        let known = chain(error).find_map(Self::of_one);
        // Only a connection has such errors, and only its client ends it.
        let on_connection = || chain(error).any(|error| error.is::<hyper::Error>());
        known.or_else(|| on_connection().then_some(Self::Disconnect))
    }

    /// Classifies one error of the chain, without its sources.
    fn of_one(error: &(dyn StdError + 'static)) -> Option<Self> {
        if let Some(error) = error.downcast_ref::<Error>() {
            return Some(Self::Named(error.clone()));
        }
        if error.is::<LengthLimitError>() {
            return Some(Self::Named(Error::MaxSizeExceeded));
        }
        let hyper: Option<&hyper::Error> = error.downcast_ref();
        if error.is::<Elapsed>() || hyper.is_some_and(hyper::Error::is_timeout) {
            return Some(Self::Named(Error::ReadTimeout));
        }
        match error.downcast_ref::<io::Error>()?.kind() {
            io::ErrorKind::TimedOut => Some(Self::Named(Error::ReadTimeout)),
            io::ErrorKind::ConnectionReset => Some(Self::Reset),
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Some(Self::Disconnect),
            _ => None,
        }
    }
}

/// Iterates over an error and its sources, the outermost first.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        // `source` of an I/O error skips the error inside it.
        match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inside) => Some(inside as _),
            None => error.source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::io::ErrorKind;

    use super::*;

    /// A foreign error around another one.
    #[derive(Debug)]
    struct Foreign(Option<BoxError>);

    impl fmt::Display for Foreign {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("foreign")
        }
    }

    impl StdError for Foreign {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            self.0.as_deref().map(|error| error as _)
        }
    }

    async fn elapsed() -> Elapsed {
        let never = std::future::pending::<()>();
        let timed_out = tokio::time::timeout(std::time::Duration::ZERO, never);
        timed_out.await.unwrap_err()
    }

    async fn length_limit() -> BoxError {
        use http_body_util::{BodyExt, Full, Limited};
        let body = Full::new(bytes::Bytes::from("hello"));
        Limited::new(body, 4).collect().await.unwrap_err()
    }

    /// The code of an error by itself, as a source, and within an I/O error.
    async fn named(error: impl AsyncFn() -> BoxError) -> [String; 3] {
        [
            error().await,
            Foreign(Some(error().await)).into(),
            io::Error::other(Foreign(Some(error().await))).into(),
        ]
        .map(|error| {
            let error = Error::from_body(error);
            format!("{} {}", error.status().as_u16(), error.code())
        })
    }

    #[tokio::test]
    async fn a_body_error_is_named_by_what_it_is_wherever_it_stands_in_the_chain() {
        let io = |kind: ErrorKind| async move || io::Error::from(kind).into();
        let expected = |name: &str| [name; 3].map(str::to_owned);
        for (kind, name) in [
            (ErrorKind::TimedOut, "500 ERR_READ_TIMEOUT"),
            (ErrorKind::ConnectionReset, "500 ERR_CONNECTION_RESET"),
            (ErrorKind::UnexpectedEof, "400 ERR_UNEXPECTED_EOF"),
            (ErrorKind::ConnectionAborted, "400 ERR_UNEXPECTED_EOF"),
            (ErrorKind::BrokenPipe, "400 ERR_UNEXPECTED_EOF"),
            (ErrorKind::InvalidData, "500 ERR_BODY_READ"),
        ] {
            assert_eq!(named(io(kind)).await, expected(name), "{kind}");
        }
        let own = async || Error::Interrupted.into();
        assert_eq!(named(own).await, expected("400 ERR_UPLOAD_INTERRUPTED"));
        let own = async || Error::internal(io::Error::from(ErrorKind::TimedOut)).into();
        assert_eq!(named(own).await, expected("500 ERR_INTERNAL_SERVER_ERROR"));
        let elapsed = async || elapsed().await.into();
        assert_eq!(named(elapsed).await, expected("500 ERR_READ_TIMEOUT"));
        assert_eq!(
            named(length_limit).await,
            expected("413 ERR_MAX_SIZE_EXCEEDED")
        );
        let unknown = async || Foreign(None).into();
        assert_eq!(named(unknown).await, expected("500 ERR_BODY_READ"));
    }

    #[test]
    fn an_unknown_body_error_keeps_its_source_for_the_log_and_from_the_client() {
        let error = Error::from_body(Foreign(None));
        assert!(error.is_interruption());
        assert_eq!(
            error.text(),
            "ERR_BODY_READ: failed to read the request body\n"
        );
        assert!(error.source().unwrap().is::<Foreign>());
    }

    #[test]
    fn a_name_of_the_callers_own_comes_before_the_table() {
        let name =
            |error: &(dyn StdError + 'static)| error.is::<Foreign>().then_some(Error::ReadTimeout);
        let known = Foreign(Some(io::Error::from(ErrorKind::ConnectionReset).into()));
        let error = Error::from_body_with(known, name);
        assert!(matches!(error, Error::ReadTimeout));
        let other = io::Error::from(ErrorKind::ConnectionReset);
        let error = Error::from_body_with(other, name);
        assert!(matches!(error, Error::ConnectionReset(_)));
    }
}
