use http::{Method, StatusCode};

use crate::program::{CONTENT, Client, Example};

async fn create(example: &Example, client: &mut Client, user: &str) -> String {
    let post = example
        .request(Method::POST, &format!("/uploads/{user}"))
        .header("upload-length", CONTENT.len());
    let created = client.send(post, b"").await;
    assert_eq!(created.status(), StatusCode::CREATED);
    created.headers()["location"].to_str().unwrap().to_owned()
}

fn id(location: &str) -> &str {
    location.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn it_lists_the_unfinished_uploads_of_a_user_removes_one_and_prints_what_happens() {
    let mut example = Example::start("manage").await;
    let mut client = example.http_1().await;
    let first = create(&example, &mut client, "alice").await;
    assert_eq!(
        example.line().await,
        format!("created alice/{}", id(&first))
    );
    let second = create(&example, &mut client, "alice").await;
    create(&example, &mut client, "bob").await;
    let list = example.request(Method::GET, "/unfinished/alice");
    let list = client.send(list, b"").await;
    let mut expected = [&first, &second].map(|it| format!("alice/{} 0 9\n", id(it)));
    expected.sort();
    assert_eq!(list.body(), &expected.concat());

    client.send(example.append(&first), CONTENT).await;
    let remove = format!("/unfinished/alice/{}", id(&second));
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND] {
        let removed = client
            .send(example.request(Method::DELETE, &remove), b"")
            .await;
        assert_eq!(removed.status(), status);
    }
    let list = example.request(Method::GET, "/unfinished/alice");
    assert_eq!(client.send(list, b"").await.body(), "");

    let mut lines = Vec::new();
    while lines.len() < 5 {
        lines.push(example.line().await);
    }
    assert_eq!(lines[0], format!("created alice/{}", id(&second)));
    assert!(lines[1].starts_with("created bob/"), "{lines:?}");
    assert_eq!(lines[2], format!("progress alice/{} 9", id(&first)));
    assert_eq!(lines[3], format!("finished alice/{}", id(&first)));
    assert_eq!(lines[4], format!("terminated alice/{}", id(&second)));
}
