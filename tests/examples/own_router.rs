use http::{Method, StatusCode};

use crate::program::{CONTENT, Client, Example};

async fn status(
    example: &Example,
    client: &mut Client,
    method: Method,
    location: &str,
) -> StatusCode {
    let request = example.request(method, location);
    client.send(request, b"").await.status()
}

/// Creates an upload as Alice, and returns the last segment of its id.
async fn alices(example: &Example, client: &mut Client) -> String {
    let base = "/users/alice/uploads";
    let post = example
        .request(Method::POST, base)
        .header("upload-length", CONTENT.len());
    let created = client.send(post, b"").await;
    assert_eq!(created.status(), StatusCode::CREATED);
    let location = created.headers()["location"].to_str().unwrap();
    let id = location.strip_prefix("/users/alice/uploads/");
    id.unwrap_or_else(|| panic!("{location} is not below {base}"))
        .to_owned()
}

#[tokio::test]
async fn it_takes_uploads_at_a_url_for_each_user() {
    let example = Example::start("own_router").await;
    for mut client in example.clients().await {
        for user in ["alice", "bob"] {
            let (base, dir) = (format!("/users/{user}/uploads"), format!("data/{user}"));
            example.takes_an_upload(&mut client, &base, &dir).await;
        }
    }
}

#[tokio::test]
async fn a_user_cannot_reach_another_ones_uploads() {
    let example = Example::start("own_router").await;
    for mut client in example.clients().await {
        let id = alices(&example, &mut client).await;
        for location in [
            format!("/users/bob/uploads/{id}"),
            format!("/users/bob/uploads/alice%2F{id}"),
            format!("/users/bob/uploads/..%2Falice%2F{id}"),
            format!("/users/bob/uploads/%2E%2E%2Falice%2F{id}"),
            format!("/users/bob%2F..%2Falice/uploads/{id}"),
            format!("/users/../uploads/alice%2F{id}"),
            format!("/users/%2F/uploads/alice%2F{id}"),
            format!("/users/alice/uploads/uploads/{id}"),
        ] {
            for method in [Method::HEAD, Method::PATCH, Method::DELETE] {
                // With the content type of an append, which PATCH checks first.
                let mut request = example.append(&location);
                request = request.method(method);
                let answer = client.send(request, b"").await;
                assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{location}");
            }
        }
        let hers = format!("/users/alice/uploads/{id}");
        let found = status(&example, &mut client, Method::HEAD, &hers).await;
        assert_eq!(found, StatusCode::OK);
    }
}

#[tokio::test]
async fn no_users_name_is_the_beginning_of_another_ones_ids() {
    let example = Example::start("own_router").await;
    let mut client = example.http_1().await;
    for user in ["alice%2Fbob", "alice%2F..", "..", "%C3%BC"] {
        let post = example
            .request(Method::POST, &format!("/users/{user}/uploads"))
            .header("upload-length", "5");
        let refused = client.send(post, b"").await;
        assert_eq!(refused.status(), StatusCode::NOT_FOUND, "{user}");
    }
    assert!(!example.home.path().join("data").exists());
}

#[tokio::test]
async fn what_its_router_leaves_open_the_core_answers() {
    let example = Example::start("own_router").await;
    for mut client in example.clients().await {
        let id = alices(&example, &mut client).await;
        let get = example.request(Method::GET, &format!("/users/alice/uploads/{id}"));
        let refused = client.send(get, b"").await;
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(refused.headers()["allow"], "OPTIONS, HEAD, PATCH, DELETE");

        let extensions = example
            .extensions(&mut client, "/users/alice/uploads")
            .await;
        assert!(extensions.contains(&"creation-with-upload".to_owned()));
    }
}
