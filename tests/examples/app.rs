use std::path::Path;
use std::time::Duration;

use http::request::Builder;
use http::{Method, StatusCode};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{CONTENT, Client, Example, command, patient};

/// The application with two users, and their tokens.
struct App {
    example: Example,
    alice: String,
    bob: String,
}

impl App {
    async fn start() -> Self {
        let home = TempDir::new().unwrap();
        let alice = add_user(home.path(), "alice", "100").await;
        let bob = add_user(home.path(), "bob", "100").await;
        let example = Example::start_in(home, "app").await;
        Self {
            example,
            alice,
            bob,
        }
    }

    async fn kill_and_restart(self, meanwhile: impl FnOnce()) -> Self {
        let example = self.example.kill_and_restart(meanwhile).await;
        Self { example, ..self }
    }

    /// Creates an upload as Alice, and returns its URL.
    async fn create(&self, client: &mut Client) -> String {
        let post = self
            .example
            .request(Method::POST, "/files/")
            .header("upload-length", CONTENT.len())
            .header("upload-metadata", "filename YS50eHQ=");
        let created = client.send(by(post, &self.alice), b"").await;
        assert_eq!(created.status(), StatusCode::CREATED);
        created.headers()["location"].to_str().unwrap().to_owned()
    }

    /// Builds an append to an upload of Alice.
    fn append(&self, location: &str) -> Builder {
        by(self.example.append(location), &self.alice)
    }

    /// Builds an empty PATCH at the end of an upload of Alice.
    fn retry(&self, location: &str) -> Builder {
        let request = self.example.request(Method::PATCH, location);
        by(request, &self.alice)
            .header("upload-offset", CONTENT.len())
            .header("content-type", "application/offset+octet-stream")
    }

    fn database(&self) -> Connection {
        Connection::open(self.example.home.path().join("app.db")).unwrap()
    }

    /// Returns the ids of all rows.
    fn rows(&self) -> Vec<String> {
        let database = self.database();
        let mut select = database.prepare("SELECT id FROM uploads").unwrap();
        let rows = select.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

async fn add_user(home: &Path, name: &str, max_size: &str) -> String {
    let mut add = command("app", "add", home);
    let output = patient(add.args([name, max_size]).output()).await.unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn by(request: Builder, token: &str) -> Builder {
    request.header("authorization", format!("Bearer {token}"))
}

fn id(location: &str) -> String {
    location.replacen("/files/", "alice/", 1)
}

fn row(location: &str) -> Value {
    json!({ "id": id(location), "owner": "alice", "filename": "a.txt", "size": CONTENT.len() })
}

#[tokio::test]
async fn without_a_token_of_a_user_nothing_is_done() {
    let app = App::start().await;
    for mut client in app.example.clients().await {
        for path in ["/files/", "/files/a", "/uploads"] {
            let request = || app.example.request(Method::POST, path);
            let tokens = [app.alice.to_uppercase(), String::new(), "x".repeat(64)];
            let with_tokens = tokens.iter().map(|token| by(request(), token));
            for request in with_tokens.chain([request()]) {
                let refused = client.send(request.header("upload-length", 5), b"").await;
                assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
                assert_eq!(refused.headers()["www-authenticate"], "Bearer");
            }
        }
    }
    assert!(!app.example.home.path().join("data").exists());
}

#[tokio::test]
async fn a_client_that_still_sends_sees_that_it_is_refused() {
    static MANY: [u8; 8 << 20] = [0; 8 << 20];
    let app = App::start().await;
    for mut client in app.example.clients().await {
        let request = app.example.append("/files/a");
        let refused = client.send(request, &MANY).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn the_database_has_no_token() {
    let app = App::start().await;
    let bytes = std::fs::read(app.example.home.path().join("app.db")).unwrap();
    for token in [&app.alice, &app.bob] {
        assert_eq!(token.len(), 64);
        let found = bytes.windows(64).any(|part| part == token.as_bytes());
        assert!(!found);
    }
    assert_ne!(app.alice, app.bob);
}

#[tokio::test]
async fn another_user_does_not_find_an_upload() {
    let app = App::start().await;
    for mut client in app.example.clients().await {
        let location = app.create(&mut client).await;
        let id = location.strip_prefix("/files/").unwrap();
        for url in [location.clone(), format!("/files/alice%2F{id}")] {
            for method in [Method::HEAD, Method::GET, Method::PATCH, Method::DELETE] {
                let request = app.example.append(&url).method(method);
                let refused = client.send(by(request, &app.bob), b"").await;
                assert_eq!(refused.status(), StatusCode::NOT_FOUND, "{url}");
            }
        }
        let stored = app.example.home.path().join("data/alice").join(id);
        assert!(stored.exists());
    }
}

#[tokio::test]
async fn an_upload_is_as_large_as_its_user_may_have() {
    let app = App::start().await;
    for mut client in app.example.clients().await {
        for (length, status) in [
            ("100", StatusCode::CREATED),
            ("101", StatusCode::PAYLOAD_TOO_LARGE),
        ] {
            let post = app.example.request(Method::POST, "/files/");
            let post = by(post, &app.alice).header("upload-length", length);
            assert_eq!(client.send(post, b"").await.status(), status, "{length}");
        }
        let raise = "UPDATE users SET max_size = 101 WHERE name = 'bob'";
        app.database().execute(raise, []).unwrap();
        let post = app.example.request(Method::POST, "/files/");
        let post = by(post, &app.bob).header("upload-length", 101);
        assert_eq!(client.send(post, b"").await.status(), StatusCode::CREATED);
    }
}

#[tokio::test]
async fn the_last_bytes_are_answered_with_json_and_written_as_one_row() {
    let app = App::start().await;
    for mut client in app.example.clients().await {
        let location = app.create(&mut client).await;
        assert!(!app.rows().contains(&id(&location)));
        let patched = client.send(app.append(&location), CONTENT).await;
        assert_eq!(patched.status(), StatusCode::OK, "204 has no body");
        assert_eq!(patched.headers()["content-type"], "application/json");
        let json: Value = serde_json::from_slice(patched.body()).unwrap();
        assert_eq!(json, row(&location));

        // The same bytes again, and the retry of a client that received no response.
        let repeated = client.send(app.append(&location), CONTENT).await;
        assert_eq!(repeated.status(), StatusCode::CONFLICT);
        let repeated = client.send(app.retry(&location), b"").await;
        assert!(repeated.status().is_success());
        let rows = app.rows();
        let rows = rows.iter().filter(|row| **row == id(&location));
        assert_eq!(rows.count(), 1);

        let list = app.example.request(Method::GET, "/uploads");
        let list = client.send(by(list, &app.alice), b"").await;
        let list: Vec<Value> = serde_json::from_slice(list.body()).unwrap();
        assert!(list.iter().any(|it| it["id"] == id(&location).as_str()));
        let list = app.example.request(Method::GET, "/uploads");
        let list = client.send(by(list, &app.bob), b"").await;
        assert_eq!(list.body(), "[]");
    }
}

#[tokio::test]
async fn a_creation_that_brings_all_bytes_is_201_with_json() {
    let app = App::start().await;
    for mut client in app.example.clients().await {
        let post = app
            .example
            .request(Method::POST, "/files/")
            .header("content-type", "application/offset+octet-stream")
            .header("upload-length", CONTENT.len())
            .header("upload-metadata", "filename YS50eHQ=");
        let created = client.send(by(post, &app.alice), CONTENT).await;
        assert_eq!(created.status(), StatusCode::CREATED);
        let location = created.headers()["location"].to_str().unwrap();
        let json: Value = serde_json::from_slice(created.body()).unwrap();
        assert_eq!(json, row(location));
        assert!(app.rows().contains(&id(location)));
    }
}

/// Sends all bytes of an upload while the database is locked, and kills the application
/// before it has written the row.
async fn killed_before_the_row(meanwhile: impl FnOnce(&App, &str)) -> (App, String) {
    let app = App::start().await;
    let mut client = app.example.http_1().await;
    let location = app.create(&mut client).await;

    let writer = app.database();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let patch = app.append(&location);
    let patched = tokio::spawn(async move { client.try_send(patch, CONTENT).await });
    let stored = app.example.home.path().join("data").join(id(&location));
    let all_bytes = async {
        while std::fs::metadata(&stored).unwrap().len() < CONTENT.len() as u64 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    patient(all_bytes).await;
    assert!(!patched.is_finished(), "it waits for the database");

    let app = app.kill_and_restart(|| drop(writer)).await;
    assert!(patient(patched).await.unwrap().is_none());
    assert!(app.rows().is_empty());
    meanwhile(&app, &location);
    (app, location)
}

#[tokio::test]
async fn a_kill_between_the_last_byte_and_the_row_loses_no_row() {
    let (app, location) = killed_before_the_row(|_, _| {}).await;
    let mut client = app.example.http_1().await;
    let retried = client.send(app.retry(&location), b"").await;
    assert_eq!(retried.status(), StatusCode::OK);
    let json: Value = serde_json::from_slice(retried.body()).unwrap();
    assert_eq!(json, row(&location));
    assert_eq!(app.rows(), [id(&location)]);

    let head = app.example.request(Method::HEAD, &location);
    let head = client.send(by(head, &app.alice), b"").await;
    assert_eq!(head.headers()["upload-offset"], CONTENT.len().to_string());
    assert_eq!(app.rows(), [id(&location)]);
}

#[tokio::test]
async fn a_kill_between_the_row_and_the_finish_doubles_no_row() {
    // The row exists but the upload is unfinished, like after a kill between the two.
    let (app, location) = killed_before_the_row(|app, location| {
        let insert = "INSERT INTO uploads (id, owner, size) VALUES (?1, 'alice', 9)";
        app.database().execute(insert, [id(location)]).unwrap();
    })
    .await;
    let mut client = app.example.http_1().await;
    let head = app.example.request(Method::HEAD, &location);
    let head = client.send(by(head, &app.alice), b"").await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(head.headers()["upload-offset"], CONTENT.len().to_string());
    assert_eq!(app.rows(), [id(&location)]);
}
