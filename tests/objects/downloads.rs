//! GET of uploads in a bucket.

use http::{Method, StatusCode};

use super::harness::Server;
use super::harness::gateway::Gateway;
use super::harness::tus::{code, request};
use super::{append, bytes, client, header};

const LENGTH: usize = 9 << 20;

#[tokio::test]
async fn finished_uploads_are_served_whole_and_in_ranges() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let server = Server::start_over(&gateway, &[]).await;
    let url = client(&server).create(LENGTH as u64).await;
    append(&server, &url, 0, LENGTH).await;
    let whole = client(&server).ask(request(Method::GET, &url)).await;
    assert_eq!(whole.status(), StatusCode::OK, "AMB-21");
    assert!(*whole.body() == bytes(0, LENGTH), "other bytes");
    let range = request(Method::GET, &url).header("Range", "bytes=5000000-5000009");
    let part = client(&server).ask(range).await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(*part.body(), bytes(5_000_000, 5_000_010));
}

#[tokio::test]
async fn uploads_with_unfinished_parts_are_not_served() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let server = Server::start_over(&gateway, &[]).await;
    let url = client(&server).create(2 * LENGTH as u64).await;
    append(&server, &url, 0, LENGTH).await;
    let get = http::Request::get(&url);
    let answer = client(&server).ask(get).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(code(&answer), "ERR_INCOMPLETE_UPLOAD");
}

#[tokio::test]
async fn downloads_are_redirected_to_the_store_when_the_flag_says_so() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let server = Server::start_over(&gateway, &["-s3-download=redirect"]).await;
    let tus = client(&server);
    let creation = tus.post().header("Upload-Length", 5);
    let pairs = "filename YS5odG1s,filetype dGV4dC9odG1s";
    let url = tus.location(&tus.ask(creation.header("Upload-Metadata", pairs)).await);
    let unfinished = tus.ask(http::Request::get(&url)).await;
    assert_eq!(unfinished.status(), StatusCode::OK);
    append(&server, &url, 0, 5).await;
    let sent_away = tus.ask(http::Request::get(&url)).await;
    assert_eq!(sent_away.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(header(&sent_away, "cache-control"), "no-store");
    let location = header(&sent_away, "location");
    assert!(location.starts_with(&format!("http://{}/", gateway.address)));
    let download = tus.ask(http::Request::get(location)).await;
    assert_eq!(download.status(), StatusCode::OK);
    assert_eq!(*download.body(), bytes(0, 5));
    assert_eq!(header(&download, "content-type"), "text/html");
    // Browsers must not run it there either.
    let disposition = header(&download, "content-disposition");
    assert_eq!(disposition, "attachment; filename=\"a.html\"");
}

#[tokio::test]
async fn browsers_are_told_what_the_flag_says_of_all_objects_wherever_they_read_them() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    for download in ["proxy", "redirect"] {
        let download = format!("-s3-download={download}");
        let args = ["-s3-content-disposition=attachment", &download];
        let server = Server::start_over(&gateway, &args).await;
        let tus = client(&server);
        let creation = tus.post().header("Upload-Length", 5);
        let pairs = "filename YS50eHQ=,filetype dGV4dC9wbGFpbg==";
        let url = tus.location(&tus.ask(creation.header("Upload-Metadata", pairs)).await);
        append(&server, &url, 0, 5).await;
        let mut answer = tus.ask(http::Request::get(&url)).await;
        if answer.status() == StatusCode::TEMPORARY_REDIRECT {
            let location = header(&answer, "location").to_owned();
            answer = tus.ask(http::Request::get(location)).await;
        }
        assert_eq!(*answer.body(), bytes(0, 5), "{download}");
        assert_eq!(header(&answer, "content-type"), "text/plain", "{download}");
        let disposition = header(&answer, "content-disposition");
        assert_eq!(disposition, "attachment; filename=\"a.txt\"", "{download}");
    }
}
