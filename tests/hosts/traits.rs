//! Traits that hosts require, checked by the compiler.

use std::convert::Infallible;
use std::error::Error;
use std::fmt::Debug;
use std::path::Path;

use bytes::Bytes;
use http::Request;
use tower::{Layer, Service};
use tower_tus::layers::protocol::Body;
use tower_tus::layers::service::{self, Core};
use tower_tus::layers::{
    access, base_url, cached_head, checksum, concatenation, cors, creation_with_upload, detach,
    discovery, download, events, expiration, gate, hooks, idle_timeout, interrupt, into_body, lock,
    log, method_override, metrics, render, route, size_limit, version,
};
use tower_tus::{Stack, TusLayer, TusService, mount};

fn layer<L>()
where
    L: Layer<Core> + Clone + Debug + Send + Sync + 'static,
{
}

fn service<S>()
where
    S: Service<Request<Body>, Error = Infallible> + Clone + Debug + Send + Sync + 'static,
    S::Future: Send + 'static,
{
}

fn future<F>()
where
    F: Future<Output: Send> + Debug + Send + 'static,
{
}

fn body<B>()
where
    B: http_body::Body<Data = Bytes, Error: Error + Send + Sync> + Debug + Send + Sync + 'static,
{
}

/// The future of the innermost service.
type Inner = service::ResponseFuture;

#[test]
fn traits() {
    service::<Core>();
    future::<service::ResponseFuture>();
    body::<Body>();

    layer::<detach::DetachLayer>();
    service::<detach::Detach<Core>>();
    future::<detach::ResponseFuture<Infallible>>();

    layer::<render::RenderLayer>();
    service::<render::Render<Core>>();
    future::<render::ResponseFuture<Inner>>();

    layer::<version::VersionLayer>();
    service::<version::Version<Core>>();
    future::<version::ResponseFuture<Inner>>();

    layer::<route::RouteLayer>();
    service::<route::Route<Core>>();
    future::<route::ResponseFuture<Inner>>();

    layer::<discovery::DiscoveryLayer>();
    service::<discovery::Discovery<Core>>();
    future::<discovery::ResponseFuture<Inner>>();

    layer::<interrupt::InterruptLayer>();
    service::<interrupt::InterruptService<Core>>();
    future::<interrupt::ResponseFuture<Inner>>();

    layer::<access::AccessLayer>();
    service::<access::AccessService<Core>>();

    layer::<creation_with_upload::CreationWithUploadLayer>();
    service::<creation_with_upload::CreationWithUpload<Core>>();
    future::<creation_with_upload::ResponseFuture<Inner>>();

    layer::<lock::LockLayer>();
    service::<lock::Lock<Core>>();
    future::<lock::ResponseFuture<Inner>>();

    layer::<method_override::MethodOverrideLayer>();
    service::<method_override::MethodOverride<Core>>();

    layer::<metrics::MetricsLayer>();
    service::<metrics::Metrics<Core>>();
    future::<metrics::ResponseFuture<Inner>>();

    layer::<log::LogLayer>();
    service::<log::Log<Core>>();
    future::<log::ResponseFuture<Inner>>();

    layer::<cors::CorsLayer>();
    service::<cors::Cors<Core>>();
    future::<cors::ResponseFuture<Inner>>();

    layer::<base_url::BaseUrlLayer>();
    service::<base_url::BaseUrlService<Core>>();

    layer::<cached_head::CachedHeadLayer>();
    service::<cached_head::CachedHead<Core>>();
    future::<cached_head::ResponseFuture<Inner>>();

    layer::<into_body::IntoBodyLayer>();
    layer::<into_body::Around<cors::CorsLayer>>();
    service::<into_body::IntoBody<Core>>();
    future::<into_body::ResponseFuture<Inner>>();

    layer::<size_limit::SizeLimitLayer>();
    service::<size_limit::SizeLimit<Core>>();
    future::<size_limit::ResponseFuture<Inner>>();

    layer::<idle_timeout::IdleTimeoutLayer>();
    service::<idle_timeout::IdleTimeout<Core>>();

    layer::<checksum::ChecksumLayer>();
    service::<checksum::Checksum<Core>>();
    future::<checksum::ResponseFuture<Inner>>();
    layer::<download::DownloadLayer>();
    service::<download::Download<Core>>();
    future::<download::ResponseFuture<Inner>>();
    layer::<concatenation::ConcatenationLayer>();
    service::<concatenation::Concatenation<Core>>();
    future::<concatenation::ResponseFuture<Inner>>();
    layer::<hooks::HooksLayer>();
    service::<hooks::HooksService<Core>>();
    future::<hooks::ResponseFuture<Inner>>();

    layer::<events::EventsLayer>();
    service::<events::EventsService<Core>>();
    future::<events::ResponseFuture<Inner>>();

    layer::<expiration::ExpirationLayer>();
    service::<expiration::ExpirationService<Core>>();
    future::<expiration::ResponseFuture<Inner>>();

    layer::<gate::GateLayer>();
    service::<gate::GateService<Core>>();

    service::<TusService>();
    future::<tower_tus::service::ResponseFuture>();

    layer::<TusLayer>();
    service::<mount::TusMount<Core>>();
    future::<mount::ResponseFuture<Core, Body>>();
    body::<mount::ResponseBody<Body>>();

    fn is_shared<T: Clone + Debug + Send + Sync + 'static>() {}
    is_shared::<Stack>();
}

/// Returns the names of all public types in the directory of a layer, such as
/// `route::RouteLayer`.
fn public_types(module: &Path) -> Vec<String> {
    let name = module.file_name().unwrap().to_str().unwrap();
    let text = std::fs::read_to_string(module.join("mod.rs")).unwrap();
    let exports = text.lines().filter_map(|line| {
        let (file, types) = line.strip_prefix("pub use self::")?.split_once("::")?;
        ["layer", "service", "future", "body"]
            .contains(&file)
            .then_some(types)
    });
    let types = exports.flat_map(|types| types.split([',', '{', '}', ';', ' ']));
    let types = types.filter(|name| !name.is_empty());
    types
        .map(|type_name| format!("{name}::{type_name}"))
        .collect()
}

#[test]
fn no_layer_is_forgotten_here() {
    let asserted = include_str!("traits.rs");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("layers/src");
    let modules = std::fs::read_dir(sources).unwrap();
    let modules = modules.map(|entry| entry.unwrap().path());
    let types = modules
        .filter(|module| module.join("layer.rs").is_file())
        .flat_map(|module| public_types(&module));
    let forgotten: Vec<_> = types
        .filter(|name| !asserted.contains(&format!("<{name}")))
        .collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}
