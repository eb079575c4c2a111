use http::{Method, StatusCode};

use crate::program::{CONTENT, Client, Example};

/// Creates an upload of Alice's, and gives its place.
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
async fn an_upload_is_what_the_closures_make_of_it() {
    let example = Example::start("callbacks").await;
    for mut client in example.clients().await {
        let location = alices(&example, &mut client).await;
        assert!(location.starts_with("/files/alice/"), "{location}");
        let patched = client.send(example.append(&location), CONTENT).await;
        assert_eq!(patched.status(), StatusCode::NO_CONTENT);
        assert_eq!(patched.headers()["x-lines"], "1");
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
        assert_eq!(refused.body(), "who are you?\n");
        let refused = client.send(post().header("x-user", "alice"), b"").await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn what_is_no_text_stays_unfinished() {
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
