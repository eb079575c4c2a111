//! Manages uploads beside the stack: an axum application that lists a user's unfinished
//! uploads, removes one, and prints what happens.
//!
//! ```text
//! cargo run --example manage
//! curl -i -X POST -H 'Tus-Resumable: 1.0.0' -H 'Upload-Length: 5' \
//!     http://127.0.0.1:3000/uploads/alice
//! curl http://127.0.0.1:3000/unfinished/alice
//! curl -X DELETE http://127.0.0.1:3000/unfinished/alice/<id>
//! ```

use std::error::Error as StdError;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{delete, get};
use tower_tus::layers::context::Scope;
use tower_tus::layers::uploads::Schedule;
use tower_tus::store::FileStore;
use tower_tus::{
    Context, Expiration, ListRequest, Shutdown, Stack, Subscription, UploadEvent, UploadId,
    UploadState, Uploads,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The application, and the handle on its uploads.
fn app(shutdown: &Shutdown) -> (Router, Uploads) {
    // The handle shares store, locks and hooks with the service.
    let (service, uploads) = Stack::new(FileStore::new("data"))
        .shutdown(shutdown.clone())
        .expiration(Expiration::after(7 * DAY))
        .into_service_and_uploads();
    let app = Router::new()
        .route("/unfinished/{user}", get(unfinished))
        .route("/unfinished/{user}/{id}", delete(remove))
        .with_state(uploads.clone())
        .nest_service("/uploads/{user}", service)
        .layer(from_fn(below_the_user));
    (app, uploads)
}

/// Puts the uploads of each user below an id of their own.
async fn below_the_user(mut request: Request, next: Next) -> Result<Response, StatusCode> {
    let path = request.uri().path().strip_prefix("/uploads/");
    if let Some(user) = path.and_then(|path| path.split('/').next()) {
        let scope = Scope::new(user).map_err(|_| StatusCode::NOT_FOUND)?;
        Context::of_mut(request.extensions_mut()).set_scope(scope);
    }
    Ok(next.run(request).await)
}

/// Lists a user's unfinished uploads, one a line: id, offset and length.
async fn unfinished(
    State(uploads): State<Uploads>,
    Path(user): Path<String>,
) -> Result<String, StatusCode> {
    let mut lines = String::new();
    let mut request = ListRequest::default().prefix(format!("{user}/"));
    loop {
        let page = uploads
            .list(&request)
            .await
            .map_err(|error| error.status())?;
        for upload in page.uploads {
            if uploads.state(&upload) != UploadState::Finished {
                let length = upload.length.map(|length| length.to_string());
                let length = length.as_deref().unwrap_or("?");
                lines += &format!("{} {} {length}\n", upload.id, upload.offset);
            }
        }
        let Some(next) = page.next else {
            return Ok(lines);
        };
        request = request.after(next);
    }
}

/// Removes an upload, even while a client sends to it.
async fn remove(
    State(uploads): State<Uploads>,
    Path((user, id)): Path<(String, String)>,
) -> Result<StatusCode, StatusCode> {
    let id: UploadId = format!("{user}/{id}")
        .parse()
        .map_err(|_| StatusCode::NOT_FOUND)?;
    uploads.remove(&id).await.map_err(|error| error.status())?;
    Ok(StatusCode::NO_CONTENT)
}

/// Prints what happens, until the stack and its handles are gone.
async fn print_events(mut events: Subscription) {
    while let Some(event) = events.next().await {
        match event {
            UploadEvent::Created(upload) => println!("created {}", upload.id),
            UploadEvent::Progress(upload) => println!("progress {} {}", upload.id, upload.offset),
            UploadEvent::Finished(upload) => println!("finished {}", upload.id),
            UploadEvent::Terminated(upload) => println!("terminated {}", upload.id),
            UploadEvent::Expired(upload) => println!("expired {}", upload.id),
            UploadEvent::Missed(events) => println!("missed {events} events"),
            _ => {}
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:3000");
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}/", listener.local_addr()?);

    let shutdown = Shutdown::default();
    let (app, uploads) = app(&shutdown);
    // Subscribes before the first request: what has happened before is not told.
    tokio::spawn(print_events(uploads.events()));
    // Finishes what a crash has left complete, and removes what has expired.
    let schedule = Schedule::default().expire(DAY / 24);
    tokio::spawn(async move { uploads.run(schedule).await });

    axum::serve(listener, app).await?;
    shutdown.begin();
    shutdown.drained().await;
    Ok(())
}
