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
        write!(self.out, "{method} {path} HTTP/1.1\r\nHost: localhost\r\n")?;
        if request.is_tus() {
            self.out.extend_from_slice(b"Tus-Resumable: 1.0.0\r\n");
        }
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
                answer.received = match body {
                    Body::Length(length) => self.discard(length).await?,
                    Body::Chunked => self.discard_chunks().await?,
                };
                return Ok(answer);
            }
            self.fill().await?;
        }
    }

    /// Reads the chunks of a body without trailers.
    async fn discard_chunks(&mut self) -> Result<u64> {
        let mut received = 0;
        loop {
            let parsed = httparse::parse_chunk_size(&self.read);
            let parsed = parsed.map_err(|_| "a chunk without a size")?;
            let httparse::Status::Complete((head, size)) = parsed else {
                self.fill().await?;
                continue;
            };
            self.read.advance(head);
            // The end of line behind the chunk.
            received += self.discard(size + 2).await? - 2;
            if size == 0 {
                return Ok(received);
            }
        }
    }

    async fn discard(&mut self, length: u64) -> Result<u64> {
        let mut left = length;
        loop {
            let have = left.min(self.read.len() as u64);
            self.read.advance(usize::try_from(have)?);
            left -= have;
            if left == 0 {
                return Ok(length);
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

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Length(u64),
    Chunked,
}

/// Parses a head, and returns its length and the body's, once it is all there.
fn parse(bytes: &[u8], method: &Method) -> Result<Option<(Answer, usize, Body)>> {
    let mut headers = [httparse::EMPTY_HEADER; 48];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else {
        return Ok(None);
    };
    let mut answer = Answer {
        status: StatusCode::from_u16(response.code.unwrap_or_default())?,
        ..Answer::default()
    };
    let mut body = Body::Length(0);
    for header in response.headers {
        answer.read_header(header.name, header.value)?;
        if header.name.eq_ignore_ascii_case("content-length") {
            body = Body::Length(number(header.value)?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            body = Body::Chunked;
        }
    }
    let bodiless = *method == Method::HEAD || answer.status == StatusCode::NO_CONTENT;
    let body = if bodiless { Body::Length(0) } else { body };
    Ok(Some((answer, head, body)))
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
        assert_eq!((head, body), (HEAD.len() - 5, Body::Length(5)));
        assert_eq!(answer.offset, Some(7));
        assert_eq!(answer.path().unwrap(), "/files/b");
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        assert_eq!(
            parse(HEAD, &Method::HEAD).unwrap().unwrap().2,
            Body::Length(0)
        );
    }

    #[tokio::test]
    async fn a_chunked_answer_is_read_to_its_end_and_no_further() {
        let (client, mut server) = tokio::io::duplex(7);
        let answers = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
            3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        tokio::spawn(async move { server.write_all(answers).await });
        let mut client = Http1::new(Box::new(client));
        assert_eq!(client.answer(&Method::GET).await.unwrap().received, 19);
        let next = client.answer(&Method::GET).await.unwrap();
        assert_eq!(next.status, StatusCode::NO_CONTENT);
        assert!(client.answer(&Method::GET).await.is_err());
    }

    #[test]
    fn an_answer_that_this_client_cannot_read_is_an_error() {
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
