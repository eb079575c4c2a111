//! The requests, and what a client may rely on after each of them.

use http::StatusCode;

use super::server::{Answer, Server, WHOLE, append, creation};

/// A request, named after what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Create,
    CreateWithBytes,
    CreateWhole,
    Append,
    AppendChecked,
    AppendLast,
    DeclareLength,
    Head,
    HeadWhole,
    Get,
    Delete,
    Concatenate,
}

pub(super) const ALL: [Ask; 12] = [
    Ask::Create,
    Ask::CreateWithBytes,
    Ask::CreateWhole,
    Ask::Append,
    Ask::AppendChecked,
    Ask::AppendLast,
    Ask::DeclareLength,
    Ask::Head,
    Ask::HeadWhole,
    Ask::Get,
    Ask::Delete,
    Ask::Concatenate,
];

/// What a client has been told.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// Where its upload is, if it was told.
    url: Option<String>,
    /// The offset that was acknowledged.
    offset: usize,
    /// Whether it was asked to be terminated.
    may_be_gone: bool,
    /// Whether its termination was acknowledged.
    is_gone: bool,
    /// Whether a failed finish may have failed it for good.
    may_have_failed: bool,
    parts: Vec<String>,
}

const HALF: usize = 6;

impl Ask {
    /// Does what comes before the request.
    pub(super) async fn prepare(self, server: &Server) -> Told {
        let mut told = Told::default();
        match self {
            // The first creation makes the directory; later ones find it.
            Self::Create | Self::CreateWithBytes | Self::CreateWhole => {}
            Self::Append | Self::AppendChecked => {
                told.url = Some(server.create(WHOLE.len()).await);
            }
            Self::DeclareLength => {
                let created = creation().header("Upload-Defer-Length", "1");
                told.url = server.ask(created, "").await.location();
                told.append(server, &WHOLE[..HALF]).await;
            }
            Self::AppendLast | Self::Head | Self::Delete => {
                told.url = Some(server.create(WHOLE.len()).await);
                told.append(server, &WHOLE[..HALF]).await;
            }
            Self::HeadWhole | Self::Get => {
                told.url = Some(server.create(WHOLE.len()).await);
                told.append(server, WHOLE).await;
            }
            Self::Concatenate => {
                for part in [&WHOLE[..HALF], &WHOLE[HALF..]] {
                    let created = creation()
                        .header("Upload-Length", part.len())
                        .header("Upload-Concat", "partial");
                    let url = server.ask(created, "").await.location().unwrap();
                    let appended = server.append(&url, 0, part).await;
                    assert_eq!(appended.status, StatusCode::NO_CONTENT);
                    told.parts.push(url);
                }
            }
        }
        told
    }

    pub(super) async fn send(self, server: &Server, told: &Told) -> Answer {
        let url = told.url.as_deref().unwrap_or_default();
        let create = || creation().header("Upload-Length", WHOLE.len());
        let with_bytes = || create().header("Content-Type", "application/offset+octet-stream");
        match self {
            Self::Create => server.ask(create(), "").await,
            Self::CreateWithBytes => server.ask(with_bytes(), &WHOLE[..HALF]).await,
            Self::CreateWhole => server.ask(with_bytes(), WHOLE).await,
            Self::Append => server.append(url, 0, &WHOLE[..HALF]).await,
            Self::AppendChecked => {
                // The SHA-1 of "hello ", as base64.
                let digest = "sha1 xNhxrROtAP3pp7t/9+0lQ67FQkE=";
                let request = append(url, 0).header("Upload-Checksum", digest);
                server.ask(request, &WHOLE[..HALF]).await
            }
            Self::AppendLast => server.append(url, HALF, &WHOLE[HALF..]).await,
            Self::DeclareLength => {
                let request = append(url, HALF).header("Upload-Length", WHOLE.len());
                server.ask(request, &WHOLE[HALF..]).await
            }
            Self::Head | Self::HeadWhole => server.head(url).await,
            Self::Get => server.get(url).await,
            Self::Delete => server.delete(url).await,
            Self::Concatenate => {
                let parts = told.parts.join(" ");
                let request = creation().header("Upload-Concat", format!("final;{parts}"));
                server.ask(request, "").await
            }
        }
    }
}

impl Told {
    async fn append(&mut self, server: &Server, bytes: &'static str) {
        let url = self.url.as_deref().expect("the upload was created");
        let appended = server.append(url, self.offset, bytes).await;
        assert_eq!(appended.status, StatusCode::NO_CONTENT);
        self.offset += bytes.len();
    }

    /// Notes what the answer tells.
    pub(super) fn and(mut self, ask: Ask, answer: &Answer) -> Self {
        if let Some(url) = answer.location() {
            self.url = Some(url);
        }
        let is_success = answer.status.is_success();
        if is_success {
            self.offset = self.offset.max(answer.offset().unwrap_or(0));
        }
        match ask {
            Ask::Concatenate if is_success => self.offset = WHOLE.len(),
            Ask::Delete => (self.may_be_gone, self.is_gone) = (true, is_success),
            _ => {}
        }
        self.may_have_failed = answer.status == StatusCode::INTERNAL_SERVER_ERROR;
        self
    }

    /// Checks that all this is true, and carries the upload on to its end.
    pub(super) async fn holds(&self, server: &Server) -> Result<(), String> {
        let Some(url) = &self.url else { return Ok(()) };
        let head = server.head(url).await;
        let offset = match (head.status, head.offset()) {
            (StatusCode::OK, Some(offset)) if offset >= self.offset && !self.is_gone => offset,
            (StatusCode::NOT_FOUND, _) if self.may_be_gone => return Ok(()),
            (StatusCode::GONE, _) if self.may_have_failed => return has_failed(server, url).await,
            _ => return Err(format!("HEAD is {head:?}")),
        };
        if offset < WHOLE.len() {
            // It may not know its length yet.
            let request = append(url, offset).header("Upload-Length", WHOLE.len());
            let last = server.ask(request, &WHOLE[offset..]).await;
            expect(
                last.status == StatusCode::NO_CONTENT,
                "the last PATCH",
                &last,
            )?;
        }
        is_whole(server, url).await
    }

    /// Checks what a power cut has left of an upload that [holds](Self::holds).
    pub(super) async fn is_durable(&self, server: &Server) -> Result<(), String> {
        let Some(url) = &self.url else { return Ok(()) };
        if self.may_be_gone && !self.is_gone {
            // Nothing is promised until it is asked to go once more.
            return Ok(());
        }
        let head = server.head(url).await;
        match head.status {
            StatusCode::OK if !self.is_gone => is_whole(server, url).await,
            StatusCode::NOT_FOUND if self.may_be_gone => Ok(()),
            StatusCode::GONE if self.may_have_failed => has_failed(server, url).await,
            _ => Err(format!("HEAD is {head:?}")),
        }
    }
}

async fn is_whole(server: &Server, url: &str) -> Result<(), String> {
    let whole = server.get(url).await;
    expect(
        whole.body.as_deref() == Some(WHOLE.as_bytes()),
        "GET",
        &whole,
    )
}

/// Checks that an upload has failed for good.
async fn has_failed(server: &Server, url: &str) -> Result<(), String> {
    let get = server.get(url).await;
    expect(
        get.status == StatusCode::GONE,
        "GET of a failed upload",
        &get,
    )?;
    let last = server.append(url, 0, WHOLE).await;
    expect(
        last.status == StatusCode::GONE,
        "PATCH of a failed upload",
        &last,
    )
}

fn expect(is_right: bool, what: &str, answer: &Answer) -> Result<(), String> {
    match is_right {
        true => Ok(()),
        false => Err(format!("{what} is {answer:?}")),
    }
}
