//! Keeps the credentials of clients out of logs.

use http::header::{AUTHORIZATION, COOKIE, Entry, PROXY_AUTHORIZATION};
use http::{HeaderValue, Request};

/// Marks credentials as sensitive, so that `Debug` does not show them. Hooks still
/// receive their values.
pub(crate) fn hide_credentials<B>(mut request: Request<B>) -> Request<B> {
    let headers = request.headers_mut();
    for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
        // Most requests have none, and a look is cheaper than an entry.
        if headers.contains_key(&name)
            && let Entry::Occupied(mut values) = headers.entry(name)
        {
            let hide = |value: &mut HeaderValue| value.set_sensitive(true);
            values.iter_mut().for_each(hide);
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_there_but_never_shown() {
        let names = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];
        let mut request = Request::get("/").header("x-shown", "shown");
        for name in &names {
            request = request.header(name, "secret").header(name, "secret");
        }
        let request = hide_credentials(request.body(()).unwrap());
        let shown = format!("{request:?}");
        assert!(
            shown.contains("shown") && !shown.contains("secret"),
            "{shown}"
        );
        for name in &names {
            let values = request.headers().get_all(name).iter();
            assert!(values.map(|value| value.as_bytes()).eq([b"secret"; 2]));
        }
    }
}
