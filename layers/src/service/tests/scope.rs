use async_trait::async_trait;
use http::request::Parts;

use super::*;
use crate::context::{Context, Scope};
use crate::gate::Gate;
use crate::protocol::{BaseUrl, Target};

/// Limits a request to the uploads of Alice.
fn alices(request: Builder) -> Builder {
    request.extension(context(|it| {
        it.set_scope(Scope::new("alice").unwrap());
        it.set_base_url(BaseUrl::new("/files/"));
    }))
}

async fn create_hers(store: &MemoryStore) -> Response<Body> {
    let request = Request::post("/").header("Upload-Length", "5");
    send(store, empty(alices(request))).await
}

#[tokio::test]
async fn a_new_upload_is_within_the_scope_and_its_url_does_not_repeat_it() {
    let store = MemoryStore::default();
    let response = create_hers(&store).await;
    let id = &outcome(&response).upload.id;
    let rest = id.as_str().strip_prefix("alice/").unwrap();
    assert_eq!(response.headers()["location"], format!("/files/{rest}"));

    let head = Request::head(format!("/{rest}"));
    let response = send(&store, empty(alices(head))).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_is_outside_the_scope_is_not_found_whoever_names_it() {
    let store = MemoryStore::default();
    let id = create(&store, 5).await;
    for method in ["HEAD", "PATCH", "DELETE"] {
        let context = context(|it| {
            it.set_scope(Scope::new("alice").unwrap());
            it.set_target(Target::Upload(id.clone()));
        });
        let request = patch(&id, "0").method(method).extension(context);
        let response = send(&store, empty(request)).await;
        assert_eq!(code(&response), "ERR_UPLOAD_NOT_FOUND", "{method}");
    }
}

/// Names every upload.
#[derive(Debug)]
struct Naming(&'static str);

#[async_trait]
impl Gate for Naming {
    async fn creating(&self, _: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
        upload.id = self.0.parse().map_err(Error::internal)?;
        Ok(())
    }
}

#[tokio::test]
async fn a_gate_names_no_upload_outside_the_scope() {
    let store = MemoryStore::default();
    for (name, status) in [
        ("bob/report", StatusCode::INTERNAL_SERVER_ERROR),
        ("report", StatusCode::INTERNAL_SERVER_ERROR),
        ("alice/report", StatusCode::CREATED),
    ] {
        let mut request = empty(alices(Request::post("/").header("Upload-Length", "5")));
        let context = Context::of_mut(request.extensions_mut());
        context.add_gate(std::sync::Arc::new(Naming(name)));
        assert_eq!(send(&store, request).await.status(), status, "{name}");
        let exists = store.bytes(&name.parse().unwrap()).is_some();
        assert_eq!(exists, status == StatusCode::CREATED, "{name}");
    }
}
