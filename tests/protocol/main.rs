//! The protocol as a client sees it, by the ids of its statements: over
//! HTTP/1.1 and HTTP/2, over every store that can be had.

#[path = "../harness/mod.rs"]
mod harness;

mod base_url;
mod core;
mod cors;
mod creation;
mod creation_with_upload;
mod defer_length;
mod limits;
mod method_override;
mod termination;

use harness::Server;
use harness::host::host;
use harness::tus::{Tus, Version};
use tower_tus::TusService;
use tower_tus::layers::store::MemoryStore;

/// A server and a client of it. The server ends with it.
struct Peer {
    tus: Tus,
    behind: Behind,
}

/// Where the uploads are.
enum Behind {
    Disk(Box<Server>),
    Memory(MemoryStore),
}

impl Peer {
    async fn file(version: Version) -> Self {
        let server = Server::start(&[]).await;
        Self {
            tus: Tus::new(server.url(), version),
            behind: Behind::Disk(Box::new(server)),
        }
    }

    async fn memory(version: Version) -> Self {
        let store = MemoryStore::default();
        let address = host(TusService::new(store.clone())).await;
        let url = format!("http://{address}/files/");
        Self {
            tus: Tus::new(&url, version),
            behind: Behind::Memory(store),
        }
    }

    /// Whether anything of an upload takes room.
    fn holds(&self, url: &str) -> bool {
        let (_, id) = url.rsplit_once('/').unwrap();
        match &self.behind {
            Behind::Memory(store) => store.bytes(&id.parse().unwrap()).is_some(),
            Behind::Disk(server) => {
                let mut files = server.uploads().read_dir().unwrap();
                files.any(|file| file.unwrap().file_name().to_str().unwrap().starts_with(id))
            }
        }
    }
}

impl std::ops::Deref for Peer {
    type Target = Tus;

    fn deref(&self) -> &Tus {
        &self.tus
    }
}

/// Makes each function a test for every store and every version of HTTP.
macro_rules! everywhere {
    ($($test:ident),* $(,)?) => {
        everywhere!(@peer file_http1, file, Http1, $($test),*);
        everywhere!(@peer file_http2, file, Http2, $($test),*);
        everywhere!(@peer memory_http1, memory, Http1, $($test),*);
        everywhere!(@peer memory_http2, memory, Http2, $($test),*);
    };
    (@peer $module:ident, $store:ident, $version:ident, $($test:ident),*) => {
        mod $module {
            use crate::Peer;
            use crate::harness::tus::Version;

            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(Peer::$store(Version::$version).await).await;
                }
            )*
        }
    };
}
pub(crate) use everywhere;
