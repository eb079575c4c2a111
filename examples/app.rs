//! An application with users: each has a token, uploads of their own and a limit,
//! and every finished upload is one row in SQLite.
//!
//! ```text
//! cargo run --example app -- add alice 1000000    # prints a token, once
//! cargo run --example app
//! curl -i -H "Authorization: Bearer $TOKEN" -H 'Tus-Resumable: 1.0.0' \
//!     -H 'Upload-Length: 5' -H 'Content-Type: application/offset+octet-stream' \
//!     --data-binary hello http://127.0.0.1:3000/files/
//! curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:3000/uploads
//! ```

use std::error::Error as StdError;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower_tus::Stack;
use tower_tus::layers::context::{Context, Scope};
use tower_tus::layers::detach::DetachLayer;
use tower_tus::layers::hooks::{Callbacks, Event, Reply};
use tower_tus::layers::into_body::IntoBodyLayer;
use tower_tus::layers::protocol::{BoxError, ResponseOverride};
use tower_tus::store::FileStore;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS users (
        name TEXT PRIMARY KEY, token_hash BLOB NOT NULL UNIQUE, max_size INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS uploads (
        id TEXT PRIMARY KEY, owner TEXT NOT NULL, filename TEXT, size INTEGER NOT NULL
    );";

#[derive(Clone)]
struct Database(Arc<Mutex<Connection>>);

impl Database {
    fn open() -> rusqlite::Result<Self> {
        let connection = Connection::open("app.db")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Runs a query where it may block.
    async fn query<T, Q>(&self, query: Q) -> Result<T, BoxError>
    where
        T: Send + 'static,
        Q: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let Self(connection) = self.clone();
        let run = move || query(&connection.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(tokio::task::spawn_blocking(run).await??)
    }
}

/// The user who sends a request.
#[derive(Clone)]
struct User {
    name: String,
    scope: Scope,
    max_size: u64,
}

/// Adds a user, and returns the token. The database has only its hash, so that
/// nobody who reads the database, or measures how long a look-up takes, learns it.
fn add_user(database: &Database, name: &str, max_size: u64) -> Result<String, BoxError> {
    // A name that cannot be the beginning of an id is no user's.
    Scope::new(name)?;
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let hash = Sha256::digest(&token).to_vec();
    let connection = database.0.lock().unwrap_or_else(PoisonError::into_inner);
    let add = "INSERT INTO users (name, token_hash, max_size) VALUES (?1, ?2, ?3)";
    connection.execute(add, params![name, hash, i64::try_from(max_size)?])?;
    Ok(token)
}

async fn find_user(database: &Database, headers: &HeaderMap) -> Result<Option<User>, BoxError> {
    let header = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let Some(token) = header.and_then(|header| header.strip_prefix(b"Bearer ")) else {
        return Ok(None);
    };
    let hash = Sha256::digest(token).to_vec();
    let find = "SELECT name, max_size FROM users WHERE token_hash = ?1";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?));
    let found = database.query(move |it| it.query_row(find, [hash], row).optional());
    let Some((name, max_size)) = found.await? else {
        return Ok(None);
    };
    Ok(Some(User {
        scope: Scope::new(&name)?,
        max_size: u64::try_from(max_size)?,
        name,
    }))
}

/// Lets users pass. Uploads are then their own, within their limit.
async fn authenticate(
    State(database): State<Database>,
    mut request: Request,
    next: Next,
) -> Response {
    // Browsers ask without a token what the server can do, and that is no secret.
    if request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    let user = match find_user(&database, request.headers()).await {
        Ok(Some(user)) => user,
        Ok(None) => {
            let headers = [
                (WWW_AUTHENTICATE.as_str(), "Bearer"),
                ("Tus-Resumable", "1.0.0"),
            ];
            return (StatusCode::UNAUTHORIZED, headers).into_response();
        }
        Err(error) => return internal(&*error),
    };
    let context = Context::of_mut(request.extensions_mut());
    // `/files/4af3` is the upload `alice/4af3`: no URL leads to another user's.
    context.set_scope(user.scope.clone());
    context.set_max_size(user.max_size);
    request.extensions_mut().insert(user);
    next.run(request).await
}

/// Writes the row of a finished upload, and answers with it as JSON.
///
/// This is a pre-finish hook because that decides whether an upload is finished: if
/// the program is killed before the row is written, or before the store has noted
/// that the hook said yes, then the upload is complete but not finished, and the
/// next HEAD or PATCH calls the hook again. So the row is written at least once;
/// the upload's id as its key makes that exactly once. In a post-finish hook the
/// row could be lost.
async fn record(database: Database, event: Event) -> Result<Reply, BoxError> {
    let upload = event.upload.clone();
    let id = upload.id.to_string();
    let (owner, _) = id.split_once('/').ok_or("an upload without an owner")?;
    let filename = upload.metadata.filename().map(str::to_owned);
    let size = i64::try_from(upload.offset.get())?;
    let row = json!({ "id": id, "owner": owner, "filename": filename, "size": size });
    let owner = owner.to_owned();
    let insert = "INSERT INTO uploads (id, owner, filename, size) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (id) DO NOTHING";
    let values = move |it: &Connection| it.execute(insert, params![id, owner, filename, size]);
    database.query(values).await?;
    // It has no status, so a creation that brings all bytes stays 201.
    let response = ResponseOverride::default()
        .with_header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .with_body(row.to_string());
    Ok(Reply::accept().with_response(response))
}

/// The finished uploads of the user.
async fn list(State(database): State<Database>, Extension(user): Extension<User>) -> Response {
    let list = "SELECT id, filename, size FROM uploads WHERE owner = ?1 ORDER BY id";
    let uploads = database.query(move |connection| {
        let mut list = connection.prepare(list)?;
        let rows = list.query_map([user.name], |row| {
            let (id, filename, size): (String, Option<String>, i64) = row.try_into()?;
            Ok(json!({ "id": id, "filename": filename, "size": size }))
        })?;
        rows.collect::<rusqlite::Result<Vec<Value>>>()
    });
    match uploads.await {
        Ok(uploads) => {
            let json = [(CONTENT_TYPE, "application/json")];
            (json, Value::from(uploads).to_string()).into_response()
        }
        Err(error) => internal(&*error),
    }
}

fn internal(error: &(dyn StdError + Send + Sync)) -> Response {
    eprintln!("{error}");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

fn app(database: Database) -> Router {
    let recorder = database.clone();
    let hooks = Callbacks::new().pre_finish(move |event| record(recorder.clone(), event));
    let uploads = Stack::new(FileStore::new("data")).hooks(hooks).into_layer();
    let authenticate = from_fn_with_state(database.clone(), authenticate);
    Router::new()
        .route("/uploads", get(list))
        .with_state(database)
        .layer(uploads)
        // The last layer is the first that sees a request.
        .layer(authenticate)
        // Reads what a client still sends after a 401, which it would not see otherwise.
        .layer((
            IntoBodyLayer::new(),
            DetachLayer::new(),
            IntoBodyLayer::new(),
        ))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let database = Database::open()?;
    let address = match arguments[..] {
        ["add", name, max_size] => {
            println!("{}", add_user(&database, name, max_size.parse()?)?);
            return Ok(());
        }
        [address] => address,
        _ => "127.0.0.1:3000",
    };
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}/files/", listener.local_addr()?);
    axum::serve(listener, app(database)).await?;
    Ok(())
}
