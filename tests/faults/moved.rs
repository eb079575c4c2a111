//! A data file that somebody moved away.

use http::{Method, StatusCode};

use crate::harness::Server;
use crate::harness::tus::{Tus, Version, content, request};

#[tokio::test]
async fn an_upload_whose_data_was_moved_is_not_found_and_never_made_again() {
    let server = Server::start(&[]).await;
    let tus = Tus::new(server.url(), Version::Http1);
    for stored in ["", "hel", "hello"] {
        let url = tus.create(5).await;
        tus.append(&url, 0, content(stored)).await;
        let data = server.uploads().join(url.rsplit('/').next().unwrap());
        std::fs::rename(&data, server.uploads().join("elsewhere")).unwrap();

        for offset in [0, stored.len() as u64] {
            let answer = tus.append(&url, offset, content("lo")).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        }
        for method in [Method::HEAD, Method::DELETE] {
            let answer = tus.ask(request(method, &url)).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        }
        assert!(!data.exists());
        assert_eq!(
            std::fs::read_to_string(server.uploads().join("elsewhere")).unwrap(),
            stored
        );
    }
}

#[tokio::test]
async fn an_upload_whose_info_is_gone_or_unreadable_says_no_more_than_that() {
    let server = Server::start(&[]).await;
    let tus = Tus::new(server.url(), Version::Http1);
    let url = tus.create(5).await;
    let info = server
        .uploads()
        .join(format!("{}.info", url.rsplit('/').next().unwrap()));

    std::fs::write(&info, "{ not json").unwrap();
    let answer = tus.append(&url, 0, content("hello")).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        answer.body(),
        "ERR_INTERNAL_SERVER_ERROR: internal server error\n"
    );

    std::fs::remove_file(&info).unwrap();
    assert_eq!(tus.head(&url).await.status(), StatusCode::NOT_FOUND);
}
