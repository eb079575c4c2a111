//! HTTP/2 on one connection.
//!
//! It uses h2 directly instead of hyper, because a server needs limits per stream
//! that hyper does not have: how long a client reads nothing, how much of a body
//! waits unread, how large all heads are together, how many frames carry nothing.

mod alive;
mod flood;
mod heads;
mod request;
mod response;
mod stream;
mod window;

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection};
use h2::{Error, Reason};
use http::{Request, Response};
use tokio::time::timeout;
use tower::Service;
use tower_tus::layers::protocol::{Body, BoxError};

use self::alive::{Traffic, silent};
use self::flood::Watched;
use self::heads::Heads;
use self::request::Bodies;
use self::stream::Stream;
use self::window::Windows;
use crate::net::listener::Io;
use crate::net::send_queue::{QueuedBytes, SendQueue};

pub(crate) use self::window::WindowBudget;

/// How long a client that is disconnected may take to read the reason.
const FAREWELL: Duration = Duration::from_secs(1);

/// HTTP/2 for all connections of a server.
#[derive(Clone, Debug)]
pub(crate) struct Http2 {
    /// How long a client may be silent, or read nothing of a stream.
    pub(crate) limit: Duration,
    pub(crate) windows: WindowBudget,
    /// Maximum size of the head of one request in bytes.
    pub(crate) max_head: u32,
}

impl Http2 {
    /// Serves the requests of one connection until it ends, or until `leave` ends
    /// and the running requests are answered.
    pub(crate) async fn serve<S, B>(
        &self,
        io: impl Io,
        service: S,
        queue: &SendQueue,
        leave: impl Future<Output = ()>,
    ) -> Result<(), BoxError>
    where
        S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let traffic = Traffic::default();
        let io = Watched::new(io, traffic.clone());
        let mut leave = pin!(leave);
        let mut connection: Connection<_, QueuedBytes> = tokio::select! {
            connection = self.builder().handshake(io) => connection?,
            () = &mut leave => return Ok(()),
        };
        let pings = connection.ping_pong().expect("nobody has taken it");
        let mut silent = pin!(silent(pings, &traffic, self.limit));
        let (bodies, heads) = (Bodies::default(), Heads::default());
        let mut windows = Windows::new(self.windows.clone());
        let mut leaving = false;
        loop {
            tokio::select! {
                accepted = connection.accept() => match accepted {
                    None => return Ok(()),
                    Some(accepted) => {
                        let (request, respond) = accepted?;
                        let Some(head) = heads.admit(&request) else {
                            heads::refuse(&request, respond);
                            continue;
                        };
                        let stream = Stream {
                            respond,
                            limit: self.limit,
                            _head: head,
                            _in_flight: queue.in_flight(),
                        };
                        let request = request::erase(request, &bodies);
                        tokio::spawn(stream.run(service.clone(), request));
                    }
                },
                () = windows.due(&bodies) => windows.adapt(&bodies, &mut connection),
                () = traffic.flooded() => {
                    connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                    let _ = timeout(FAREWELL, farewell(&mut connection)).await;
                    return Err("too many frames without bytes".into());
                }
                () = &mut silent => return Err("the client is silent".into()),
                () = &mut leave, if !leaving => {
                    leaving = true;
                    connection.graceful_shutdown();
                }
            }
        }
    }

    fn builder(&self) -> Builder {
        let mut builder = Builder::new();
        // Frames stay at 16 KiB, because a frame that is cut short is lost.
        builder
            .initial_window_size(window::STREAM)
            .initial_connection_window_size(window::CONNECTION)
            .max_header_list_size(self.max_head)
            .max_concurrent_streams(250)
            // Memory for the overhead of small frames that wait: some 4,000 of them,
            // whatever the window is.
            .data_frame_budget(1 << 20);
        builder
    }
}

async fn farewell<IO: Io>(connection: &mut Connection<IO, QueuedBytes>) -> Result<(), Error> {
    while let Some(accepted) = connection.accept().await {
        accepted?;
    }
    Ok(())
}
