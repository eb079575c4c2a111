//! HTTP/2 on one connection.
//!
//! It is driven here rather than by hyper, because what an attacker chooses has
//! to be bounded for each stream: how long it may take nothing, how much of a
//! body waits unread, how much all heads hold, how many frames come to nothing.

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

/// How long a client that is sent away may take to read why.
const FAREWELL: Duration = Duration::from_secs(1);

/// HTTP/2, as all connections of a server speak it.
#[derive(Clone, Debug)]
pub(crate) struct Http2 {
    /// How long a client may be silent, or take nothing of a stream.
    pub(crate) limit: Duration,
    pub(crate) windows: WindowBudget,
    /// Most bytes of the head of one request.
    pub(crate) max_head: u32,
}

impl Http2 {
    /// Serves the requests of one connection until it ends, or until `leave`
    /// does and what has begun is answered.
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
        // Frames stay at 16 KiB, because of one that is cut in the middle nothing is kept.
        builder
            .initial_window_size(window::STREAM)
            .initial_connection_window_size(window::CONNECTION)
            .max_header_list_size(self.max_head)
            .max_concurrent_streams(250)
            // What small frames that wait may take beside their bytes: for some
            // 4,000 of them, whatever the window is.
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
