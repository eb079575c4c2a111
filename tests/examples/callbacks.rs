use http::{Method, StatusCode};

use crate::program::{CONTENT, Client, Example};

/// Creates an upload as Alice, and returns its URL.
async fn alices(example: &Example, client: &mut Client) -> String {
    let post = example
        .request(Method::POST, "/files/")
        .header("x-user", "alice")
        .header("upload-length", CONTENT.len())
        .header("upload-metadata", "filename YS50eHQ=");
    let created = client.send(post, b"").await;
    assert_eq!(created.status(), StatusCode::CREATED);
    created.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_upload_gets_the_id_and_the_json_of_the_closures() {
    let example = Example::start("callbacks").await;
    for mut client in example.clients().await {
        let location = alices(&example, &mut client).await;
        assert!(location.starts_with("/files/alice/"), "{location}");
        let patched = client.send(example.append(&location), CONTENT).await;
        assert_eq!(patched.status(), StatusCode::OK, "204 has no body");
        assert_eq!(
            patched.headers()["upload-offset"],
            CONTENT.len().to_string()
        );
        assert_eq!(patched.headers()["content-type"], "application/json");
        assert_eq!(patched.body(), r#"{"lines":1}"#);
    }
}

#[tokio::test]
async fn json_on_finish_keeps_the_201_of_a_creation_that_brings_all_bytes() {
    let example = Example::start("callbacks").await;
    for mut client in example.clients().await {
        let post = example
            .request(Method::POST, "/files/")
            .header("x-user", "alice")
            .header("content-type", "application/offset+octet-stream")
            .header("upload-length", CONTENT.len())
            .header("upload-metadata", "filename YS50eHQ=");
        let created = client.send(post, CONTENT).await;
        assert_eq!(created.status(), StatusCode::CREATED);
        let location = created.headers()["location"].to_str().unwrap();
        assert!(location.starts_with("/files/alice/"), "{location}");
        assert_eq!(
            created.headers()["upload-offset"],
            CONTENT.len().to_string()
        );
        assert_eq!(created.body(), r#"{"lines":1}"#);
    }
}

#[tokio::test]
async fn without_a_user_or_a_filename_there_is_no_upload() {
    let example = Example::start("callbacks").await;
    for mut client in example.clients().await {
        let post = || {
            let post = example.request(Method::POST, "/files/");
            post.header("upload-length", CONTENT.len())
        };
        let refused = client.send(post(), b"").await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(refused.body(), "X-User is missing\n");
        let refused = client.send(post().header("x-user", "alice"), b"").await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn an_upload_that_is_not_text_stays_unfinished() {
    let example = Example::start("callbacks").await;
    for mut client in example.clients().await {
        let location = alices(&example, &mut client).await;
        let patched = client.send(example.append(&location), &[0xff; 9]).await;
        assert_eq!(patched.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let head = example.request(Method::HEAD, &location);
        let head = client.send(head, b"").await;
        assert!(!head.headers().contains_key("upload-offset"));
    }
}
