//! A data file that was moved away.

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
        for (method, status) in [
            (Method::HEAD, StatusCode::NOT_FOUND),
            (Method::DELETE, StatusCode::NO_CONTENT),
            (Method::DELETE, StatusCode::NOT_FOUND),
        ] {
            let answer = tus.ask(request(method, &url)).await;
            assert_eq!(answer.status(), status);
        }
        assert!(!data.exists() && !data.with_extension("info").exists());
        assert_eq!(
            std::fs::read_to_string(server.uploads().join("elsewhere")).unwrap(),
            stored
        );
    }
}

#[tokio::test]
async fn a_lost_upload_directory_is_503_and_one_log_line_until_it_is_back() {
    for empty in [false, true] {
        let mut server = Server::start(&[]).await;
        let tus = Tus::new(server.url(), Version::Http1);
        let url = tus.create(5).await;
        let dir = server.uploads().to_owned();
        let aside = dir.with_file_name("aside");
        std::fs::rename(&dir, &aside).unwrap();
        if empty {
            std::fs::create_dir(&dir).unwrap();
        }

        let creation = tus.post().header("Upload-Length", "5");
        let answers = [
            tus.ask(creation).await,
            tus.append(&url, 0, content("hello")).await,
            tus.head(&url).await,
            tus.ask(request(Method::GET, &url)).await,
            tus.ask(request(Method::DELETE, &url)).await,
        ];
        for answer in answers {
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(answer.headers().contains_key("retry-after"));
        }
        assert_eq!(dir.exists(), empty);
        let _ = std::fs::remove_dir(&dir);
        std::fs::rename(&aside, &dir).unwrap();
        let answer = tus.append(&url, 0, content("hello")).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);

        server.signal(crate::harness::Signal::TERM);
        let log = server.rest().await;
        let errors = log.iter().filter(|line| line.contains("level=ERROR"));
        let errors: Vec<_> = errors.collect();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(
            errors[0].contains("the upload directory is gone"),
            "{errors:?}"
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
