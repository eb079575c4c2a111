use http::{HeaderValue, Request, StatusCode};
use tower_tus::layers::protocol::BaseUrl;
use tower_tus::layers::protocol::header::{UPLOAD_CONCAT, UPLOAD_OFFSET};
use tower_tus::{Store, Upload};

use crate::runtime::run;
use crate::world::{World, head};

/// `Upload-Concat`: each line is a header of its own.
pub fn concat(lines: &[u8]) {
    let lines = lines.split(|&byte| byte == b'\n');
    let values: Result<Vec<_>, _> = lines.map(HeaderValue::from_bytes).collect();
    let Ok(values) = values else {
        return;
    };
    for urls in values.iter().filter_map(|value| value.to_str().ok()) {
        let urls = urls.strip_prefix("final;").unwrap_or(urls).split(' ');
        urls.for_each(leads_to_uploads);
    }
    run(is_made(values));
}

/// What a URL may name are ids, and the URL of an id names it.
fn leads_to_uploads(url: &str) {
    let request = Request::post("/files/")
        .header("Host", "tus.example")
        .body(());
    let (request, ()) = request.expect("it is valid").into_parts();
    for base in ["/files/", "https://tus.example/a/files", "/"] {
        let bases = [
            BaseUrl::new(base),
            BaseUrl::new(base).of_any_host(),
            BaseUrl::new(base).within("p"),
        ];
        for base in bases {
            for id in base.candidates(url, &request) {
                let outside = id
                    .as_str()
                    .split('/')
                    .any(|part| matches!(part, "" | "." | ".."));
                assert!(!outside, "{url:?} leads to {id}");
                let location = base.location(&id);
                let location = location.to_str().expect("it is visible ASCII");
                let again = base.candidates(location, &request);
                assert!(again.contains(&id), "{location} does not lead to {id}");
            }
        }
    }
}

/// A final has the bytes of its parts, and what is refused creates nothing.
async fn is_made(values: Vec<HeaderValue>) {
    let world = World::full().await;
    let mut request = Request::post("/files/")
        .header("Host", "tus.example")
        .header("Tus-Resumable", "1.0.0");
    if values.iter().any(|value| value == "partial") {
        request = request.header("Upload-Length", "5");
    }
    for value in &values {
        request = request.header(&UPLOAD_CONCAT, value);
    }
    let response = world.ask(request, "").await;
    let made = world.store.open(&"n1".parse().expect("it is an id")).await;
    assert_eq!(made.is_ok(), response.status() == StatusCode::CREATED);
    if let Ok(made) = made {
        has_all_bytes(&world, made.info());
        let response = world.ask(head("/files/n1"), "").await;
        assert_eq!(response.headers()[&UPLOAD_CONCAT], values[0]);
        let is_pending = made.info().is_pending();
        assert_eq!(response.headers().contains_key(&UPLOAD_OFFSET), !is_pending);
    }
    world.check().await;
}

fn has_all_bytes(world: &World, made: &Upload) {
    let concat = made
        .concat
        .as_ref()
        .expect("the header makes it one of these");
    let parts = concat.parts().iter();
    let parts: Vec<_> = parts.map(|part| world.bytes(part.as_str())).collect();
    assert!(parts.iter().all(Option::is_some), "each part exists");
    assert!(parts.len() <= 4, "there are no more parts than allowed");
    let joined = parts.into_iter().flatten().collect::<Vec<_>>().concat();
    if concat.is_final() && !concat.is_pending() {
        assert_eq!(world.bytes("n1").expect("it exists"), joined);
        assert!(made.is_complete());
    }
}
