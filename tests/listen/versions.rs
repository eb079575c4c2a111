//! HTTP versions.

use http::{Method, StatusCode};

use crate::curl;
use crate::harness::certificate::Certificate;
use crate::harness::tus::{content, request};
use crate::harness::{Server, run};
use crate::road::{KINDS, Road, VERSIONS};

#[tokio::test]
async fn there_is_http_2_without_tls_unless_it_is_switched_off() {
    if !curl::is_here().await {
        return;
    }
    for (args, both) in [
        (&[][..], true),
        (&["-enable-h2c"], true),
        (&["-enable-h2c=true", "-enable-h2c=F"], false),
        (&["-enable-h2c=false"], false),
    ] {
        let server = Server::start(args).await;
        let answer = curl::upload(&["--http1.1"], server.url()).await;
        assert_eq!(answer.version, "1.1", "{args:?}");
        let answer = curl::create(&["--http2-prior-knowledge"], server.url()).await;
        let version = answer.ok().map(|answer| answer.version);
        assert_eq!(version.as_deref(), both.then_some("2"), "{args:?}");
    }
}

#[tokio::test]
async fn with_tls_it_is_refused() {
    let certificate = Certificate::make();
    let [file, key] = certificate.flags();
    let output = run(&[&file, &key, "-enable-h2c"]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("tower-tusd: -enable-h2c "), "{said}");
}

#[tokio::test]
async fn a_head_may_be_long_in_both() {
    for kind in KINDS {
        let road = Road::new(kind);
        let server = road.start(&[]).await;
        for version in VERSIONS {
            let mut client = road.connect(&server, version).await;
            let options = request(Method::OPTIONS, road.url());
            let options = options.header("Upload-Concat", "x".repeat(300 << 10));
            let answer = client.send(options.body(content("")).unwrap()).await;
            assert_eq!(answer.status(), StatusCode::OK, "{kind:?} {version:?}");
        }
    }
}
