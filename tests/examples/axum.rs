use http::{Method, StatusCode};

use crate::program::Example;

#[tokio::test]
async fn it_takes_uploads_as_a_layer_and_as_a_service() {
    let example = Example::start("axum").await;
    for mut client in example.clients().await {
        for (base, dir) in [("/files/", "data/files"), ("/photos/", "data/photos")] {
            example.takes_an_upload(&mut client, base, dir).await;
        }
    }
}

#[tokio::test]
async fn it_announces_extensions_at_both_paths() {
    let example = Example::start("axum").await;
    for mut client in example.clients().await {
        for base in ["/files/", "/photos/"] {
            let extensions = example.extensions(&mut client, base).await;
            assert!(
                extensions.contains(&"creation".to_owned()),
                "{base}: {extensions:?}"
            );
        }
    }
}

#[tokio::test]
async fn it_keeps_its_other_routes() {
    let example = Example::start("axum").await;
    for mut client in example.clients().await {
        let response = client.send(example.request(Method::GET, "/"), b"").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.body(), "hello");
    }
}
