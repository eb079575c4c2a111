use http::{Method, StatusCode};

use crate::program::{CONTENT, Example};

#[tokio::test]
async fn it_takes_uploads_without_a_layer_that_was_left_out() {
    let example = Example::start("custom_stack").await;
    for mut client in example.clients().await {
        example
            .takes_an_upload(&mut client, "/files/", "data")
            .await;
        let post = example
            .request(Method::POST, "/files/")
            .header("upload-length", CONTENT.len())
            .header("content-type", "application/offset+octet-stream");
        let refused = client.send(post, CONTENT).await;
        assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
}

#[tokio::test]
async fn it_announces_what_is_left() {
    let example = Example::start("custom_stack").await;
    for mut client in example.clients().await {
        let mut extensions = example.extensions(&mut client, "/files/").await;
        extensions.sort_unstable();
        assert_eq!(
            extensions,
            ["creation", "creation-defer-length", "termination"]
        );
    }
}

#[tokio::test]
async fn it_writes_errors_as_json() {
    let example = Example::start("custom_stack").await;
    for mut client in example.clients().await {
        let head = example.request(Method::HEAD, "/files/missing");
        let missing = client.send(head, b"").await;
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
        assert_eq!(missing.headers()["tus-resumable"], "1.0.0");

        let delete = example.request(Method::DELETE, "/files/missing");
        let missing = client.send(delete, b"").await;
        assert_eq!(missing.headers()["content-type"], "application/json");
        assert_eq!(
            missing.body(),
            r#"{"code":"ERR_UPLOAD_NOT_FOUND","message":"upload not found"}"#
        );

        let mut post = example
            .request(Method::POST, "/files/")
            .header("upload-length", "5");
        post.headers_mut().unwrap().remove("tus-resumable");
        let refused = client.send(post, b"").await;
        assert_eq!(refused.status(), StatusCode::PRECONDITION_FAILED);
        assert_eq!(refused.headers()["tus-version"], "1.0.0");
        let stored = example.home.path().join("data");
        assert!(!stored.exists(), "nothing was created");
    }
}
