//! Requests through each proxy.

use std::path::Path;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};

use crate::curl::{Answer, Curl};
use crate::harness::raw::Http1;
use crate::harness::{PATIENCE, patient};
use crate::proxy::{APACHE, CADDY, HAPROXY, NGINX, Program, Proxy};

const MIB: usize = 1 << 20;
const GIB: u64 = 1 << 30;

macro_rules! of_each {
    ($($test:ident),* $(,)?) => {
        of_each! { @ nginx NGINX [$($test)*] }
        of_each! { @ apache APACHE [$($test)*] }
        of_each! { @ caddy CADDY [$($test)*] }
        of_each! { @ haproxy HAPROXY [$($test)*] }
    };
    (@ $name:ident $program:ident [$($test:ident)*]) => {
        mod $name {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(super::$program).await;
                }
            )*
        }
    };
}

of_each! {
    a_location_is_where_the_client_finds_the_upload,
    what_a_client_says_of_proxies_is_not_believed,
    bytes_are_stored_before_the_request_ends_and_kept_when_it_breaks,
    bytes_of_an_unknown_number_are_stored_before_the_request_ends,
}

async fn a_location_is_where_the_client_finds_the_upload(program: Program) {
    let Some(proxy) = Proxy::start(program).await else {
        return;
    };
    for url in [
        "http://tus.example/files/",
        "http://tus.example:8000/files/",
        "http://tus.example:8000/media/files/",
        "https://tus.example/files/",
        "https://tus.example/media/files/",
        "https://tus.example:8443/files/",
        "https://tus.example:8443/media/files/",
    ] {
        for version in ["--http1.1", "--http2"] {
            let post = Curl::new(&proxy, "POST", url).version(version);
            let answer = post.header("Upload-Length: 11").answer().await;
            assert_eq!(answer.status(), "201", "{answer:?}");
            let location = answer.header("location");
            let id = location.strip_prefix(url).expect(location);
            assert!(proxy.server.uploads().join(id).is_file(), "{location}");
            let answer = Curl::new(&proxy, "HEAD", location).answer().await;
            assert_eq!(answer.header("upload-offset"), "0");
        }
    }
}

async fn what_a_client_says_of_proxies_is_not_believed(program: Program) {
    let Some(proxy) = Proxy::start(program).await else {
        return;
    };
    for url in [
        "http://tus.example/files/",
        "https://tus.example/media/files/",
    ] {
        let mut post = Curl::new(&proxy, "POST", url).header("Upload-Length: 11");
        for header in [
            "Forwarded: host=evil.example;proto=gopher",
            "X-Forwarded-Host: evil.example",
            "X-Forwarded-Port: 666",
            "X-Forwarded-Prefix: /evil",
            "X-Forwarded-Proto: gopher",
        ] {
            post = post.header(header);
        }
        let answer = post.answer().await;
        assert!(answer.header("location").starts_with(url), "{answer:?}");
    }
}

/// Creates an upload, and returns its id.
async fn create(proxy: &Proxy, length: u64) -> String {
    let url = "http://tus.example/files/";
    let post = Curl::new(proxy, "POST", url).header(&format!("Upload-Length: {length}"));
    let answer = post.answer().await;
    let location = answer.header("location");
    location.strip_prefix(url).expect(location).to_owned()
}

async fn bytes_are_stored_before_the_request_ends_and_kept_when_it_breaks(program: Program) {
    let Some(proxy) = Proxy::start(program).await else {
        return;
    };
    // More than the default limit of any proxy.
    let length = 5 * GIB;
    let id = create(&proxy, length).await;
    let mut client = Http1::connect(([127, 0, 0, 1], proxy.http).into()).await;
    let headers = [
        ("Content-Type", "application/offset+octet-stream".to_owned()),
        ("Content-Length", length.to_string()),
        ("Upload-Offset", "0".to_owned()),
    ];
    client.head(&format!("PATCH /files/{id}"), &headers).await;
    client.send(&vec![b'a'; MIB]).await;
    grown(&proxy.server.uploads().join(&id), MIB).await;

    client.fin();
    let url = format!("http://tus.example/files/{id}");
    let answer = Curl::new(&proxy, "HEAD", &url).answer().await;
    assert_eq!(answer.header("upload-offset"), MIB.to_string());
}

async fn bytes_of_an_unknown_number_are_stored_before_the_request_ends(program: Program) {
    let Some(proxy) = Proxy::start(program).await else {
        return;
    };
    for (scheme, version) in [
        ("http", "--http1.1"),
        ("https", "--http1.1"),
        ("https", "--http2"),
    ] {
        let id = create(&proxy, 2 * MIB as u64).await;
        let url = format!("{scheme}://tus.example/media/files/{id}");
        let patch = Curl::new(&proxy, "PATCH", &url)
            .version(version)
            .header("Content-Type: application/offset+octet-stream")
            .header("Upload-Offset: 0");
        let (client, mut body) = patch.send();
        body.write_all(&vec![b'a'; MIB]).await.unwrap();
        let stored = proxy.server.uploads().join(id);
        // curl holds its last bytes back until it gets more.
        grown(&stored, MIB / 2).await;

        body.write_all(&vec![b'a'; MIB]).await.unwrap();
        drop(body);
        let answer = Answer::of(patient(client.wait_with_output()).await.unwrap());
        assert_eq!(answer.status(), "204", "{answer:?}");
        assert_eq!(size(&stored), 2 * MIB);
    }
}

/// Waits until a file has this many bytes.
async fn grown(file: &Path, bytes: usize) {
    let growth = async {
        while size(file) < bytes {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let grown = timeout(PATIENCE, growth).await;
    assert!(grown.is_ok(), "only {} bytes are stored", size(file));
}

fn size(file: &Path) -> usize {
    let size = file.metadata().unwrap().len();
    size.try_into().unwrap()
}
