//! Pages of other origins.

use std::time::Duration;

use tower_tus::layers::cors::CorsLayer;

use crate::flags::CorsFlags;

/// The CORS layer, unless the flags disable it.
pub(crate) fn cors(flags: &CorsFlags) -> Option<CorsLayer> {
    if flags.disable_cors {
        return None;
    }
    let allowed = flags.cors_allow_origin.clone();
    let layer = CorsLayer::new()
        .allow_origins_by(move |origin, _| allowed.is_match(origin.as_bytes()))
        .allow_methods(flags.cors_allow_methods.0.iter().cloned())
        .allow_headers(flags.cors_allow_headers.0.iter().cloned())
        .expose_headers(flags.cors_expose_headers.0.iter().cloned())
        .max_age(Duration::from_secs(flags.cors_max_age.into()));
    Some(match flags.cors_allow_credentials {
        true => layer.allow_credentials(),
        false => layer,
    })
}
