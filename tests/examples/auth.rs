use http::{Method, StatusCode};

use crate::program::{CONTENT, Client, Example};

const ALICE: &str = "Bearer alices-token";
const BOB: &str = "Bearer bobs-token";

/// Creates an upload as Alice, and returns its URL.
async fn alices(example: &Example, client: &mut Client) -> String {
    let post = example
        .request(Method::POST, "/files/")
        .header("authorization", ALICE)
        .header("upload-length", CONTENT.len());
    let created = client.send(post, b"").await;
    assert_eq!(created.status(), StatusCode::CREATED);
    created.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_upload_lives_below_the_name_of_its_user() {
    let example = Example::start("auth").await;
    for mut client in example.clients().await {
        let location = alices(&example, &mut client).await;
        let id = location.strip_prefix("/files/alice/");
        let id = id.unwrap_or_else(|| panic!("{location} is not Alice's"));

        let patch = example.append(&location).header("authorization", ALICE);
        let patched = client.send(patch, CONTENT).await;
        assert_eq!(patched.status(), StatusCode::NO_CONTENT);
        let stored = example.home.path().join("data/alice").join(id);
        assert_eq!(std::fs::read(stored).unwrap(), CONTENT);
    }
}

#[tokio::test]
async fn another_user_does_not_find_it() {
    let example = Example::start("auth").await;
    for mut client in example.clients().await {
        let location = alices(&example, &mut client).await;
        for method in [Method::HEAD, Method::PATCH, Method::DELETE] {
            let request = example.append(&location).header("authorization", BOB);
            let refused = client.send(request.method(method), CONTENT).await;
            assert_eq!(refused.status(), StatusCode::NOT_FOUND);
        }
        let head = example
            .request(Method::HEAD, &location)
            .header("authorization", ALICE);
        let found = client.send(head, b"").await;
        assert_eq!(found.status(), StatusCode::OK);
        assert_eq!(found.headers()["upload-offset"], "0");
    }
}

#[tokio::test]
async fn another_user_makes_no_upload_of_it() {
    let example = Example::start("auth").await;
    for mut client in example.clients().await {
        let post = example
            .request(Method::POST, "/files/")
            .header("authorization", ALICE)
            .header("upload-concat", "partial")
            .header("upload-length", "0");
        let created = client.send(post, b"").await;
        let location = created.headers()["location"].to_str().unwrap();
        for (user, status) in [(BOB, StatusCode::NOT_FOUND), (ALICE, StatusCode::CREATED)] {
            let post = example
                .request(Method::POST, "/files/")
                .header("authorization", user)
                .header("upload-concat", format!("final;{location}"));
            assert_eq!(client.send(post, b"").await.status(), status);
        }
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_done() {
    let example = Example::start("auth").await;
    for mut client in example.clients().await {
        for token in [None, Some("Bearer nobodys-token"), Some("Basic YTpi")] {
            for method in [Method::POST, Method::HEAD, Method::PATCH, Method::DELETE] {
                let mut request = example
                    .request(method, "/files/")
                    .header("upload-length", "5");
                if let Some(token) = token {
                    request = request.header("authorization", token);
                }
                let refused = client.send(request, b"").await;
                assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
                assert_eq!(refused.headers()["www-authenticate"], "Bearer");
                assert_eq!(refused.headers()["tus-resumable"], "1.0.0");
            }
        }
        assert!(!example.home.path().join("data").exists());
    }
}

#[tokio::test]
async fn a_guest_cannot_upload() {
    let example = Example::start("auth").await;
    for mut client in example.clients().await {
        let post = example
            .request(Method::POST, "/files/")
            .header("authorization", "Bearer guests-token")
            .header("upload-length", "5");
        let refused = client.send(post, b"").await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert_eq!(refused.body(), "ERR_READ_ONLY: guests cannot upload\n");
        assert!(!example.home.path().join("data").exists());
    }
}

#[tokio::test]
async fn what_it_can_do_is_told_to_everybody() {
    let example = Example::start("auth").await;
    for mut client in example.clients().await {
        let extensions = example.extensions(&mut client, "/files/").await;
        assert!(extensions.contains(&"creation".to_owned()));
    }
}
