//! The bytes of a request, over either version of HTTP.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{HOST, HeaderName};
use http::{HeaderValue, Method, Request, Response};

use crate::harness::raw::{Ends, Http1, Http2};

#[derive(Clone, Copy)]
pub(crate) enum Wire {
    Http1,
    Http2,
}

/// With which a client says that nothing more will come.
pub(crate) const FIN: &[u8] = b"{fin}";

impl Wire {
    /// The head of the answer, if there is one.
    pub(crate) async fn send(self, to: SocketAddr, request: &[u8]) -> Option<Response<()>> {
        match self {
            Self::Http1 => {
                let mut client = Http1::connect(to).await;
                match request.strip_suffix(FIN) {
                    Some(request) => {
                        client.send(request).await;
                        client.say_no_more().await;
                    }
                    None => client.send(request).await,
                }
                client.response().await
            }
            Self::Http2 => {
                let (request, body) = read(request);
                let ends = if body.is_empty() {
                    Ends::Here
                } else {
                    Ends::Later
                };
                let mut stream = Http2::connect(to).await.begin(request, ends).await;
                if ends == Ends::Later {
                    stream.send(body, Ends::Here).await;
                }
                stream.response().await
            }
        }
    }
}

/// What a request of HTTP/1.1 says.
fn read(request: &[u8]) -> (Request<()>, Bytes) {
    let end = request.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = request.split_at(end.expect("the head ends") + 4);
    let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let mut words = lines.next().unwrap().split(|&byte| byte == b' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());

    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method).unwrap();
    let target = [b"http://tus", target].concat();
    *request.uri_mut() = http::Uri::from_maybe_shared(Bytes::from(target)).unwrap();
    for line in lines.filter(|line| !line.is_empty()) {
        let colon = line.iter().position(|&byte| byte == b':').unwrap();
        let name = HeaderName::from_bytes(&line[..colon]).unwrap();
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).unwrap();
        request.headers_mut().append(name, value);
    }
    request.headers_mut().remove(HOST);
    (request, Bytes::copy_from_slice(body))
}
