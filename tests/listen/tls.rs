//! TLS, tested with curl.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::curl::{self, NO_TLS};
use crate::harness::certificate::Certificate;
use crate::harness::{Server, patient, run};

const TLS_1_2: &[&str] = &["--tlsv1.2", "--tls-max", "1.2"];
const TLS_1_3: &[&str] = &["--tlsv1.3"];
const AES_128: &[&str] = &[
    "--tlsv1.2",
    "--tls-max",
    "1.2",
    "--ciphers",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
];

/// Starts a server with a certificate, and returns its URL with the host name of
/// the certificate.
async fn start(certificate: &Certificate, more: &[&str]) -> (Server, String) {
    let flags = certificate.flags();
    let mut args: Vec<_> = flags.iter().map(String::as_str).collect();
    args.extend(more);
    let server = Server::start(&args).await;
    let port = server.address().port();
    let url = format!("https://localhost:{port}/files/");
    assert_eq!(server.url(), format!("https://127.0.0.1:{port}/files/"));
    (server, url)
}

#[tokio::test]
async fn each_mode_has_its_versions_and_ciphers() {
    if !curl::is_here().await {
        return;
    }
    let certificate = Certificate::make();
    let file = certificate.file();
    for (mode, offers) in [
        (&[][..], [(TLS_1_2, true), (TLS_1_3, true), (AES_128, true)]),
        (
            &["-tls-mode=tls12"],
            [(TLS_1_2, true), (TLS_1_3, true), (AES_128, true)],
        ),
        (
            &["-tls-mode=tls13"],
            [(TLS_1_2, false), (TLS_1_3, true), (AES_128, false)],
        ),
        (
            &["-tls-mode=tls12-strong"],
            [(TLS_1_2, true), (TLS_1_3, false), (AES_128, false)],
        ),
    ] {
        let (_server, url) = start(&certificate, mode).await;
        for (offer, taken) in offers {
            let flags = [&["--cacert", &file], offer].concat();
            let code = curl::create(&flags, &url).await.err();
            assert_eq!(code, (!taken).then_some(NO_TLS), "{mode:?} {offer:?}");
        }
    }
}

#[tokio::test]
async fn http_2_is_chosen_in_the_handshake_and_a_location_is_https() {
    if !curl::is_here().await {
        return;
    }
    let certificate = Certificate::make();
    let (_server, url) = start(&certificate, &["-enable-h2c=false"]).await;
    for (flag, version) in [("--http1.1", "1.1"), ("--http2", "2"), ("--no-alpn", "1.1")] {
        let answer = curl::upload(&["--cacert", &certificate.file(), flag], &url).await;
        assert_eq!(answer.version, version);
        assert!(answer.location.starts_with(&url), "{answer:?}");
    }
}

#[tokio::test]
async fn http_where_there_is_tls_is_refused_by_a_sentence() {
    let certificate = Certificate::make();
    let (server, _) = start(&certificate, &[]).await;
    let request = "POST /files/ HTTP/1.1\r\nHost: tus\r\nUpload-Length: 5\r\n\r\n";
    let large = format!("PATCH /files/a HTTP/1.1\r\n\r\n{}", "x".repeat(1 << 18));
    for request in [
        "GET / HTTP/1.0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\n",
        request,
        &large,
    ] {
        let mut client = server.connect().await;
        patient(client.write_all(request.as_bytes())).await.unwrap();
        let mut answer = String::new();
        patient(client.read_to_string(&mut answer)).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.0 400 Bad Request\r\n"), "{head}");
        assert_eq!(body, "Client sent an HTTP request to an HTTPS server.\n");
    }
}

#[tokio::test]
async fn what_is_neither_http_nor_tls_is_not_answered_in_http() {
    let certificate = Certificate::make();
    let (server, _) = start(&certificate, &[]).await;
    let mut client = server.connect().await;
    patient(client.write_all(b"\x00\x01\x02\x03\x04"))
        .await
        .unwrap();
    let mut answer = Vec::new();
    // The connection may end with a reset.
    let _ = patient(client.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_by_its_flag_and_its_file() {
    let certificate = Certificate::make();
    let other = Certificate::make();
    let (file, key) = (certificate.file(), certificate.key());
    let garbage = certificate.directory().join("garbage");
    std::fs::write(&garbage, "-----BEGIN CERTIFICATE-----\n!\n").unwrap();
    let garbage = garbage.to_str().unwrap();
    let nowhere = certificate.directory().join("nowhere");
    let nowhere = nowhere.to_str().unwrap();
    for (certificate, key, complaint) in [
        (&*file, "", "-tls-certificate needs -tls-key".to_owned()),
        ("", &*key, "-tls-key needs -tls-certificate".to_owned()),
        (
            nowhere,
            &key,
            format!("-tls-certificate {nowhere}: No such file"),
        ),
        (&file, nowhere, format!("-tls-key {nowhere}: No such file")),
        (
            garbage,
            &key,
            format!("-tls-certificate {garbage}: it is not well-formed PEM"),
        ),
        (
            &key,
            &key,
            format!("-tls-certificate {key}: it contains no certificate"),
        ),
        (&file, &file, format!("-tls-key {file}: it contains no key")),
        (
            &file,
            &other.key(),
            format!(
                "-tls-certificate {file} with -tls-key {}: the key belongs to another",
                other.key()
            ),
        ),
    ] {
        let args = ["-tls-certificate", certificate, "-tls-key", key];
        let output = run(&args).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        let complaint = format!("tower-tusd: {complaint}");
        assert!(said.starts_with(&complaint), "{args:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[tokio::test]
async fn a_mode_that_is_none_is_a_bad_flag() {
    let output = run(&["-tls-mode=tls11"]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--tls-mode"), "{said}");
}
