//! One connection to the server, over a unix socket.

use std::ffi::OsString;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::yield_now;
use tokio::time::timeout;
use tower::ServiceBuilder;

use crate::flags::Flags;
use crate::net::{Listener, MalformedLayer, Server};
use crate::world::World;

/// Turns of the runtime after which nothing is left to do for bytes that have arrived.
const TURNS: usize = 64;

/// When the client says that nothing more will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Behind its last byte.
    AtOnce,
    /// When the server has done all that it can.
    Later,
}

/// What a client sees of a connection, and the server of it.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) received: Vec<u8>,
    /// The methods of all requests, in the order in which they arrived.
    pub(crate) methods: Vec<Method>,
}

/// Sends these bytes to a server of `world`, and returns all that it sends.
///
/// Whatever the bytes are, the server ends the connection when the client has.
pub(crate) async fn converse(world: &World, sent: &[&[u8]], end: End) -> Talk {
    let place = Place::of_this_thread();
    let listener = Listener::open(&place.flags.listen, None).await;
    let listener = listener.expect("the path of the socket is free");
    let methods = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&methods);
    let service = ServiceBuilder::new()
        .map_request(move |request: Request<_>| {
            let mut noted = noted.lock().expect("nothing panics with it");
            noted.push(request.method().clone());
            drop(noted);
            request
        })
        .layer(MalformedLayer::new(world.shutdown.clone()))
        .service(world.service());
    let server = Server::new(service, Duration::ZERO);
    let talk = talk(place.socket(), sent, end);
    let received = tokio::select! {
        never = server.accept(&listener) => match never {},
        received = timeout(Duration::from_secs(30), talk) => received,
    };
    let ended = async {
        server.close().await;
        world.shutdown.drained().await;
    };
    let ended = timeout(Duration::from_secs(30), ended).await;
    assert!(
        ended.is_ok(),
        "the connection is over, but the server is not done"
    );
    let received = received.expect("the server ends the connection when the client has");
    let methods = methods.lock().expect("nothing panics with it").clone();
    Talk { received, methods }
}

async fn talk(path: PathBuf, sent: &[&[u8]], end: End) -> Vec<u8> {
    let stream = UnixStream::connect(path).await;
    let (mut read, mut write) = stream.expect("the server listens").into_split();
    let send = async {
        for bytes in sent {
            // The server may have closed the connection already.
            let _ = write.write_all(bytes).await;
            wait().await;
        }
        if end == End::Later {
            wait().await;
        }
        let _ = write.shutdown().await;
    };
    let receive = async {
        let mut received = Vec::new();
        // A connection that is closed before everything was read is reset.
        let _ = read.read_to_end(&mut received).await;
        received
    };
    tokio::join!(send, receive).1
}

/// Lets the server do what it can.
async fn wait() {
    for _ in 0..TURNS {
        yield_now().await;
    }
}

/// Where the server of this thread listens.
struct Place {
    dir: TempDir,
    flags: Flags,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("there is room");
        let mut socket = OsString::from("-unix-sock=");
        socket.push(dir.path().join("socket"));
        let flags = Flags::parse([socket], []).expect("the flag is valid");
        Self { dir, flags }
    }

    /// The same for each connection, because flags take long to parse.
    fn of_this_thread() -> Rc<Self> {
        thread_local! {
            static PLACE: Rc<Place> = Rc::new(Place::new());
        }
        PLACE.with(Rc::clone)
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }
}
