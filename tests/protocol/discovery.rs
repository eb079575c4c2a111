//! OPTIONS.

use http::{Method, Request, StatusCode};

use crate::check::checks;
use crate::harness::tus::{Answer, content, request};
use crate::peer::Peer;
use crate::server::list;

checks![[];
    "CORE-01" the_core_methods_are_there ["creation"],
    "CORE-04 CORE-32" options_tells_the_versions,
    "CORE-05" the_best_version_comes_first,
    "CORE-11 CORE-33" options_tells_the_extensions,
    "CORE-13 CORE-14" options_tells_the_maximum ["Tus-Max-Size"],
    "CORE-34" options_ignores_the_version_of_the_client,
    "CORE-35" options_needs_no_credentials,
    "CORE-35" pages_of_other_origins_may_upload ["CORS"],
    "CRE-01 CRE-02" creation_is_announced ["creation"],
    "CWU-01 CWU-02" creation_with_upload_is_announced ["creation-with-upload"],
    "DEF-01" creation_defer_length_is_announced ["creation-defer-length"],
    "TERM-01" termination_is_announced ["termination"],
    "AMB-18" options_is_200,
];

async fn the_core_methods_are_there(tus: Peer) {
    let url = tus.create(5).await;
    for method in [Method::OPTIONS, Method::HEAD] {
        let answer = tus.ask(request(method, &url)).await;
        assert!(answer.status().is_success(), "{}", answer.status());
    }
    tus.appends(&url, 0, "hello").await;
}

async fn options_tells_the_versions(tus: Peer) {
    let answer = tus.ask(request(Method::OPTIONS, &tus.url)).await;
    assert_discovers(&answer);
    let versions = answer.headers()["tus-version"].to_str().unwrap();
    for version in versions.split(',') {
        let numbers: Vec<_> = version.split('.').map(str::parse::<u32>).collect();
        assert!(
            numbers.len() == 3 && numbers.iter().all(Result::is_ok),
            "{version}"
        );
    }
}

#[track_caller]
fn assert_discovers(answer: &Answer) {
    let status = answer.status();
    assert!(
        [StatusCode::OK, StatusCode::NO_CONTENT].contains(&status),
        "{status}"
    );
    assert!(list(answer.headers(), "tus-version").any(|version| version == "1.0.0"));
}

async fn the_best_version_comes_first(tus: Peer) {
    let versions = tus.announced("tus-version").await;
    let answer = tus.head(&tus.nowhere()).await;
    assert_eq!(answer.headers()["tus-resumable"], versions[0]);
}

async fn options_tells_the_extensions(tus: Peer) {
    let options = tus.options().await;
    let extensions: Vec<_> = list(&options, "tus-extension").collect();
    assert_eq!(
        options.contains_key("tus-extension"),
        !extensions.is_empty()
    );
    for (n, extension) in extensions.iter().enumerate() {
        assert!(!extensions[..n].contains(extension), "{extension} twice");
        let named = extension
            .bytes()
            .all(|it| it.is_ascii_lowercase() || it == b'-');
        assert!(named, "{extension}");
    }
}

async fn options_tells_the_maximum(tus: Peer) {
    let options = tus.options().await;
    let max = options["tus-max-size"].to_str().unwrap();
    assert!(max.bytes().all(|digit| digit.is_ascii_digit()), "{max}");
}

async fn options_ignores_the_version_of_the_client(tus: Peer) {
    for request in [
        Request::options(&tus.url),
        Request::options(&tus.url).header("Tus-Resumable", "99.9.9"),
        Request::options(&tus.url).header("Tus-Resumable", ""),
        Request::options(tus.at("any")),
    ] {
        assert_discovers(&tus.ask(request).await);
    }
}

async fn options_needs_no_credentials(tus: Peer) {
    let preflight = Request::options(&tus.url)
        .header("Origin", "https://example.com")
        .header("Access-Control-Request-Method", "PATCH")
        .header(
            "Access-Control-Request-Headers",
            "tus-resumable, upload-offset",
        );
    let answer = tus.ask(preflight).await;
    assert!(answer.status().is_success(), "{}", answer.status());
}

async fn pages_of_other_origins_may_upload(tus: Peer) {
    let preflight = Request::options(&tus.url)
        .header("Origin", "https://example.com")
        .header("Access-Control-Request-Method", "PATCH")
        .header(
            "Access-Control-Request-Headers",
            "tus-resumable, upload-offset",
        );
    let answer = tus.ask(preflight).await;
    let allowed = |what: &str| -> Vec<_> {
        let name = format!("access-control-allow-{what}");
        list(answer.headers(), &name)
            .map(|it| it.to_lowercase())
            .collect()
    };
    for method in ["post", "head", "patch"] {
        assert!(allowed("methods").contains(&method.to_owned()), "{method}");
    }
    for header in [
        "tus-resumable",
        "upload-length",
        "upload-offset",
        "upload-metadata",
        "content-type",
    ] {
        assert!(allowed("headers").contains(&header.to_owned()), "{header}");
    }

    let post = tus.post().header("Upload-Length", 5);
    let answer = tus.ask(post.header("Origin", "https://example.com")).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let mut exposed = list(answer.headers(), "access-control-expose-headers");
    assert!(exposed.any(|name| name.eq_ignore_ascii_case("location")));
}

async fn creation_is_announced(tus: Peer) {
    let url = tus.create(5).await;
    assert!(tus.head(&url).await.status().is_success());
}

async fn creation_with_upload_is_announced(tus: Peer) {
    let extensions = tus.announced("tus-extension").await;
    assert!(extensions.contains(&"creation".to_owned()));
    let post = tus.post_bytes().header("Upload-Length", 5);
    let answer = tus.give(post, content("hello")).await;
    assert_eq!(answer.headers()["upload-offset"], "5");
}

async fn creation_defer_length_is_announced(tus: Peer) {
    let url = tus.deferred().await;
    assert!(tus.head(&url).await.status().is_success());
}

async fn termination_is_announced(tus: Peer) {
    let url = tus.create(5).await;
    let answer = tus.ask(request(Method::DELETE, &url)).await;
    assert!(answer.status().is_success(), "{}", answer.status());
}

async fn options_is_200(tus: Peer) {
    let answer = tus.ask(request(Method::OPTIONS, &tus.url)).await;
    assert_eq!(answer.status(), StatusCode::OK);
}
