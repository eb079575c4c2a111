//! HTTP/1.1 by hand: a client on the same machine takes CPU from the server, so it has to
//! be cheaper than a real one.

use std::io::Write;

use bytes::{Buf, BytesMut};
use http::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Answer, Io, Payload, Request, creation, number, patch};
use crate::Result;

/// Bodies up to this size are sent together with the head.
const TOGETHER: u64 = 64 << 10;
const PIECE: usize = 1 << 20;
const READ: usize = 256 << 10;

/// A connection that is kept alive.
pub(crate) struct Http1 {
    io: Box<dyn Io>,
    out: Vec<u8>,
    read: BytesMut,
}

impl Http1 {
    pub(super) fn new(io: Box<dyn Io>) -> Self {
        Self {
            io,
            out: Vec::new(),
            read: BytesMut::new(),
        }
    }

    pub(super) async fn send(&mut self, request: &Request<'_>) -> Result<Answer> {
        self.write_head(request)?;
        let body = request.body.unwrap_or(Payload::of(0));
        if body.length() <= TOGETHER {
            body.pieces(PIECE)
                .for_each(|piece| self.out.extend_from_slice(&piece));
            self.io.write_all(&self.out).await?;
        } else {
            self.io.write_all(&self.out).await?;
            for piece in body.pieces(PIECE) {
                self.io.write_all(&piece).await?;
            }
        }
        self.io.flush().await?;
        self.answer(&request.method).await
    }

    /// Creates an upload, and starts its first PATCH without any byte.
    pub(crate) async fn begin_upload(&mut self, length: u64) -> Result<()> {
        let created = self.send(&creation(length, None)).await?;
        let path = created.expect(StatusCode::CREATED)?.path()?;
        self.write_head(&patch(&path, 0, Payload::of(length)))?;
        Ok(self.io.write_all(&self.out).await?)
    }

    /// Sends some bytes of the upload that was begun.
    pub(crate) async fn trickle(&mut self, payload: Payload) -> Result<()> {
        for piece in payload.pieces(PIECE) {
            self.io.write_all(&piece).await?;
        }
        Ok(())
    }

    /// Reads the answer to an upload that is now complete.
    pub(crate) async fn end_upload(&mut self, length: u64) -> Result<()> {
        let answer = self.answer(&Method::PATCH).await?;
        answer.expect(StatusCode::NO_CONTENT)?.expect_offset(length)
    }

    fn write_head(&mut self, request: &Request<'_>) -> Result<()> {
        let Request { method, path, .. } = request;
        self.out.clear();
        write!(
            self.out,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n"
        )?;
        for (name, value) in request.headers.iter().flatten() {
            write!(self.out, "{name}: {value}\r\n")?;
        }
        match &request.body {
            Some(body) => write!(
                self.out,
                "Content-Type: application/offset+octet-stream\r\nContent-Length: {}\r\n",
                body.length()
            )?,
            None if *method == Method::POST => write!(self.out, "Content-Length: 0\r\n")?,
            None => (),
        }
        self.out.extend_from_slice(b"\r\n");
        Ok(())
    }

    async fn answer(&mut self, method: &Method) -> Result<Answer> {
        loop {
            if let Some((mut answer, head, body)) = parse(&self.read, method)? {
                self.read.advance(head);
                self.discard(body).await?;
                answer.received = body;
                return Ok(answer);
            }
            self.fill().await?;
        }
    }

    async fn discard(&mut self, mut length: u64) -> Result<()> {
        loop {
            let have = length.min(self.read.len() as u64);
            self.read.advance(usize::try_from(have)?);
            length -= have;
            if length == 0 {
                return Ok(());
            }
            self.read.reserve(READ);
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<()> {
        match self.io.read_buf(&mut self.read).await? {
            0 => Err("the server closed the connection".into()),
            _ => Ok(()),
        }
    }
}

/// Parses a head, and returns its length and that of the body, once it is all there.
fn parse(bytes: &[u8], method: &Method) -> Result<Option<(Answer, usize, u64)>> {
    let mut headers = [httparse::EMPTY_HEADER; 48];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else {
        return Ok(None);
    };
    let mut answer = Answer {
        status: StatusCode::from_u16(response.code.unwrap_or_default())?,
        ..Answer::default()
    };
    let mut body = 0;
    for header in response.headers {
        answer.read_header(header.name, header.value)?;
        if header.name.eq_ignore_ascii_case("content-length") {
            body = number(header.value)?;
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err("a chunked answer".into());
        }
    }
    let bodiless = *method == Method::HEAD || answer.status == StatusCode::NO_CONTENT;
    Ok(Some((answer, head, if bodiless { 0 } else { body })))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] =
        b"HTTP/1.1 201 Created\r\nUpload-Offset: 7\r\nLOCATION: http://a/files/b\r\n\
        Content-Length: 5\r\n\r\nbytes";

    #[test]
    fn an_answer_is_parsed_once_its_head_is_complete() {
        assert!(parse(&HEAD[..40], &Method::POST).unwrap().is_none());
        let (answer, head, body) = parse(HEAD, &Method::POST).unwrap().unwrap();
        assert_eq!((head, body), (HEAD.len() - 5, 5));
        assert_eq!(answer.offset, Some(7));
        assert_eq!(answer.path().unwrap(), "/files/b");
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        assert_eq!(parse(HEAD, &Method::HEAD).unwrap().unwrap().2, 0);
    }

    #[test]
    fn an_answer_that_this_client_cannot_read_is_an_error() {
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(parse(chunked, &Method::GET).is_err());
        assert!(parse(b"SSH-2.0\r\n", &Method::GET).is_err());
        assert!(
            parse(
                b"HTTP/1.1 200 OK\r\nUpload-Offset: +1 \r\n\r\n",
                &Method::HEAD
            )
            .is_ok()
        );
        assert!(
            parse(
                b"HTTP/1.1 200 OK\r\nUpload-Offset: x\r\n\r\n",
                &Method::HEAD
            )
            .is_err()
        );
    }
}
