//! HTTP/2 without TLS.

use crate::certificate::Certificate;
use crate::curl;
use crate::harness::{Server, run};

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
