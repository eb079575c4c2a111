use http::{Method, StatusCode};
use tempfile::TempDir;

use crate::program::{Example, command, patient};

#[tokio::test]
async fn its_store_does_all_that_a_store_has_to_do() {
    let home = TempDir::new().unwrap();
    let output = patient(command("custom_store", "conformance", home.path()).output()).await;
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(
        home.path().join("data/conformance").is_dir(),
        "it was asked"
    );
}

#[tokio::test]
async fn it_keeps_each_chunk_in_a_file_of_its_own() {
    let example = Example::start("custom_store").await;
    for mut client in example.clients().await {
        let post = example
            .request(Method::POST, "/files/")
            .header("upload-length", "9")
            .header("upload-metadata", "name YQ==");
        let created = client.send(post, b"").await;
        assert_eq!(created.status(), StatusCode::CREATED);
        let location = created.headers()["location"].to_str().unwrap();
        for (offset, bytes) in [("0", &b"resum"[..]), ("5", b"able")] {
            let patch = example
                .request(Method::PATCH, location)
                .header("upload-offset", offset)
                .header("content-type", "application/offset+octet-stream");
            let patched = client.send(patch, bytes).await;
            assert_eq!(patched.status(), StatusCode::NO_CONTENT);
        }
        let head = example.request(Method::HEAD, location);
        let found = client.send(head, b"").await;
        assert_eq!(found.headers()["upload-offset"], "9");
        assert_eq!(found.headers()["upload-metadata"], "name YQ==");

        let id = location.strip_prefix("/files/").unwrap();
        let upload = example.home.path().join("data").join(id);
        let chunk = |start: &str| std::fs::read(upload.join(start)).unwrap();
        assert_eq!(chunk("00000000000000000000.chunk"), b"resum");
        assert_eq!(chunk("00000000000000000005.chunk"), b"able");

        let delete = example.request(Method::DELETE, location);
        let ended = client.send(delete, b"").await;
        assert_eq!(ended.status(), StatusCode::NO_CONTENT);
        assert!(!upload.exists());
    }
}

#[tokio::test]
async fn it_announces_just_what_its_store_can_do() {
    let example = Example::start("custom_store").await;
    let mut client = example.http_1().await;
    let mut extensions = example.extensions(&mut client, "/files/").await;
    extensions.sort_unstable();
    assert_eq!(
        extensions,
        [
            "checksum",
            "checksum-trailer",
            "creation",
            "creation-with-upload",
            "termination"
        ]
    );
}
