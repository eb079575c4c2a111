use http::Response;

use crate::protocol::Error;

/// How a request ended: the label `outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Success,
    ClientError,
    ServerError,
    Interrupted,
    Unanswered,
}

impl End {
    /// In the order of their discriminants.
    pub(super) const ALL: [Self; 5] = [
        Self::Success,
        Self::ClientError,
        Self::ServerError,
        Self::Interrupted,
        Self::Unanswered,
    ];

    pub(super) fn of<B>(response: &Response<B>) -> Self {
        let status = response.status();
        match response.extensions().get::<Error>() {
            // Regardless of the status, which tells the client what to do next.
            Some(error) if error.is_interruption() => Self::Interrupted,
            _ if status.is_client_error() => Self::ClientError,
            _ if status.is_server_error() => Self::ServerError,
            _ => Self::Success,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
            Self::Interrupted => "interrupted",
            Self::Unanswered => "unanswered",
        }
    }
}
