//! URLs behind proxies, from `Forwarded` and `X-Forwarded-*`.

use super::*;

#[tokio::test]
async fn what_is_forwarded_means_nothing_unless_trusted() {
    let layer = BaseUrlLayer::from_request("/files/");
    let headers: Headers<'_> = &[
        ("host", b"a"),
        ("forwarded", b"host=evil;proto=https"),
        ("x-forwarded-host", b"evil"),
        ("x-forwarded-proto", b"https"),
        ("x-forwarded-port", b"1"),
        ("x-forwarded-prefix", b"/evil"),
    ];
    assert_eq!(base_url(&layer, headers).await, "http://a/files/");
}

#[tokio::test]
async fn proxies_tell_what_the_client_sees() {
    let layer = BaseUrlLayer::from_request("/files/").trust_forwarded();
    let table: &[(Headers<'_>, &str)] = &[
        (&[], "http://own:8080/files/"),
        // nginx, with `$host` and `$scheme`
        (
            &[
                ("x-forwarded-host", b"a.example"),
                ("x-forwarded-proto", b"https"),
            ],
            "https://a.example/files/",
        ),
        // Traefik
        (
            &[
                ("x-forwarded-host", b"a.example:8443"),
                ("x-forwarded-proto", b"https"),
                ("x-forwarded-port", b"8443"),
                ("x-forwarded-prefix", b"/api/v1"),
            ],
            "https://a.example:8443/api/v1/files/",
        ),
        (
            &[
                ("x-forwarded-host", b"a.example"),
                ("x-forwarded-proto", b"https"),
                ("x-forwarded-port", b"8443"),
            ],
            "https://a.example:8443/files/",
        ),
        (
            &[
                ("x-forwarded-host", b"a.example"),
                ("x-forwarded-port", b"80"),
            ],
            "http://a.example/files/",
        ),
        // Two proxies in a row
        (
            &[
                ("x-forwarded-host", b"a.example, b.example"),
                ("x-forwarded-proto", b"https,http"),
                ("x-forwarded-port", b"443 , 8080"),
                ("x-forwarded-prefix", b"/a/, /b"),
            ],
            "https://a.example/a/files/",
        ),
        (
            &[
                ("x-forwarded-host", b"a.example"),
                ("x-forwarded-host", b"b.example"),
            ],
            "http://a.example/files/",
        ),
        // Explicit default ports
        (
            &[
                ("x-forwarded-host", b"a.example:443"),
                ("x-forwarded-proto", b"HTTPS"),
            ],
            "https://a.example/files/",
        ),
        (
            &[("x-forwarded-host", b"a.example:80")],
            "http://a.example/files/",
        ),
        // RFC 7239
        (
            &[("forwarded", b"for=192.0.2.1;proto=https;host=a.example")],
            "https://a.example/files/",
        ),
        (
            &[(
                "forwarded",
                b"FOR=\"[2001:db8::1]:4711\" ; Proto=https ; Host=\"[2001:db8::2]:8443\"",
            )],
            "https://[2001:db8::2]:8443/files/",
        ),
        (
            &[(
                "forwarded",
                b"host=a.example;proto=https, host=b.example;proto=http",
            )],
            "https://a.example/files/",
        ),
        (
            &[("forwarded", b"for=_x, host=b.example")],
            "http://own:8080/files/",
        ),
        (&[("forwarded", b"proto=https")], "https://own:8080/files/"),
        // Separators inside quotes do not count.
        (
            &[(
                "forwarded",
                b"for=\"a,b;host=evil\\\";host=evil\";host=a.example",
            )],
            "http://a.example/files/",
        ),
        // `Forwarded` takes precedence; the other headers supply what it omits.
        (
            &[
                ("forwarded", b"host=a.example"),
                ("x-forwarded-host", b"b.example"),
                ("x-forwarded-proto", b"https"),
                ("x-forwarded-port", b"8443"),
                ("x-forwarded-prefix", b"/up"),
            ],
            "https://a.example/up/files/",
        ),
        (
            &[
                ("forwarded", b"proto=http"),
                ("x-forwarded-proto", b"https"),
            ],
            "http://own:8080/files/",
        ),
    ];
    for (forwarded, url) in table {
        let own: Headers<'_> = &[("host", b"own:8080")];
        let headers = [own, forwarded].concat();
        assert_eq!(base_url(&layer, &headers).await, *url, "{forwarded:?}");
    }
}

#[tokio::test]
async fn a_proxy_may_leave_the_host_alone_and_tell_the_port() {
    let layer = BaseUrlLayer::from_request("/files/").trust_forwarded();
    for (host, port, url) in [
        ("a.example", "443", "https://a.example/files/"),
        ("a.example", "8443", "https://a.example:8443/files/"),
        ("a.example:8080", "443", "https://a.example:8080/files/"),
    ] {
        let headers: Headers<'_> = &[
            ("host", host.as_bytes()),
            ("x-forwarded-proto", b"https"),
            ("x-forwarded-port", port.as_bytes()),
        ];
        assert_eq!(base_url(&layer, headers).await, url);
    }
}

#[tokio::test]
async fn the_default_port_of_the_other_scheme_is_a_hop_s_and_ignored() {
    let layer = BaseUrlLayer::from_request("/files/").trust_forwarded();
    let table: &[(&str, Headers<'_>, &str)] = &[
        // The proxy terminates TLS and reports the port of its own listener.
        ("a", &[("proto", b"https"), ("port", b"80")], "https://a"),
        ("a", &[("proto", b"http"), ("port", b"443")], "http://a"),
        // ingress-nginx
        (
            "a",
            &[("proto", b"https"), ("port", b"80, 443")],
            "https://a",
        ),
        (
            "a",
            &[("proto", b"https, http"), ("port", b"443, 80")],
            "https://a",
        ),
        (
            "a",
            &[("proto", b"https,http"), ("port", b"8443,80")],
            "https://a:8443",
        ),
        (
            "a",
            &[("proto", b"http"), ("port", b"443,8080")],
            "http://a",
        ),
        // Without a scheme
        ("a", &[("port", b"443")], "http://a"),
        ("a", &[("port", b"80")], "http://a"),
        ("a", &[("port", b"8080")], "http://a:8080"),
        ("a", &[("host", b"b:443")], "http://b"),
        ("a", &[("host", b"b:80")], "http://b"),
        // A port in the host, with and without another one.
        ("a:80", &[("proto", b"https")], "https://a"),
        ("a:443", &[("proto", b"http")], "http://a"),
        (
            "a:80",
            &[("proto", b"https"), ("port", b"8443")],
            "https://a:8443",
        ),
        (
            "a:443",
            &[("proto", b"https"), ("port", b"80")],
            "https://a",
        ),
        (
            "a:8080",
            &[("proto", b"https"), ("port", b"80")],
            "https://a:8080",
        ),
        ("a", &[("proto", b"https"), ("host", b"b:80")], "https://b"),
        (
            "a",
            &[("proto", b"https"), ("host", b"b:80"), ("port", b"443")],
            "https://b",
        ),
        (
            "a",
            &[("proto", b"https"), ("host", b"b:8443"), ("port", b"80")],
            "https://b:8443",
        ),
        (
            "a",
            &[("proto", b"https"), ("host", b"[::1]:80")],
            "https://[::1]",
        ),
    ];
    for (host, forwarded, url) in table {
        let names = forwarded
            .iter()
            .map(|(name, _)| format!("x-forwarded-{name}"));
        let names: Vec<_> = names.collect();
        let mut headers = vec![("host", host.as_bytes())];
        headers.extend(
            names
                .iter()
                .zip(*forwarded)
                .map(|(name, it)| (name.as_str(), it.1)),
        );
        let url = format!("{url}/files/");
        assert_eq!(base_url(&layer, &headers).await, url, "{headers:?}");
    }
    for (forwarded, port, url) in [
        ("proto=https", "80", "https://a/files/"),
        ("proto=https", "8443", "https://a:8443/files/"),
        ("proto=https;host=\"b:80\"", "8443", "https://b/files/"),
        ("host=b;proto=https", "80", "https://b/files/"),
        ("host=\"b:443\"", "443", "http://b/files/"),
    ] {
        let headers: Headers<'_> = &[
            ("host", b"a"),
            ("forwarded", forwarded.as_bytes()),
            ("x-forwarded-port", port.as_bytes()),
        ];
        assert_eq!(base_url(&layer, headers).await, url, "{forwarded} {port}");
    }
    let layer = BaseUrlLayer::from_request("/files/").scheme_https();
    let url = base_url(&layer, &[("host", b"a:80")]).await;
    assert_eq!(url, "https://a:80/files/", "no proxy has set it");
}

#[tokio::test]
async fn what_makes_no_sense_in_a_url_is_ignored() {
    let layer = BaseUrlLayer::from_request("/files/").trust_forwarded();
    let long = [b'a'; 5000];
    let hosts: [&[u8]; 24] = [
        b"",
        b" ",
        b"a b",
        b"a\tb",
        b"\"a\"",
        b"a'b",
        b"<script>",
        b"user@evil",
        b"evil/path",
        b"evil?query",
        b"evil#fragment",
        b"evil\\path",
        b"https://evil",
        b"evil%0d%0aSet-Cookie:x",
        b"\xc3\xa9vil",
        b"\xff\xfe",
        b"evil:port",
        b"evil:0",
        b"evil:65536",
        b"evil:+80",
        b"evil:1:2",
        b"[::1",
        b"[evil]",
        &long,
    ];
    for host in hosts {
        let headers: Headers<'_> = &[("host", b"own"), ("x-forwarded-host", host)];
        let url = base_url(&layer, headers).await;
        assert_eq!(url, "http://own/files/", "{}", host.escape_ascii());

        let forwarded = [b"host=\"", host, b"\";proto=https"].concat();
        let headers: Headers<'_> = &[("host", b"own"), ("forwarded", &forwarded)];
        let url = base_url(&layer, headers).await;
        assert!(
            ["https://own/files/", "http://own/files/"].contains(&&*url),
            "{}: {url}",
            forwarded.escape_ascii()
        );
    }
    let others: [(&str, &[u8]); 28] = [
        ("x-forwarded-proto", b""),
        ("x-forwarded-proto", b"ftp"),
        ("x-forwarded-proto", b"javascript"),
        ("x-forwarded-proto", b"https://evil"),
        ("x-forwarded-proto", b"\xff"),
        ("x-forwarded-port", b""),
        ("x-forwarded-port", b"0"),
        ("x-forwarded-port", b"-1"),
        ("x-forwarded-port", b"+1"),
        ("x-forwarded-port", b"65536"),
        ("x-forwarded-port", b"8080@evil"),
        ("x-forwarded-prefix", b"evil"),
        ("x-forwarded-prefix", b"//evil"),
        ("x-forwarded-prefix", b"/\\evil"),
        ("x-forwarded-prefix", b"/../evil"),
        ("x-forwarded-prefix", b"/a/."),
        ("x-forwarded-prefix", b"/a/./b"),
        ("x-forwarded-prefix", b"/%2E%2e/evil"),
        ("x-forwarded-prefix", b"/a b"),
        ("x-forwarded-prefix", b"/a?b"),
        ("x-forwarded-prefix", b"/a#b"),
        ("x-forwarded-prefix", b"/\xc3\xa9"),
        ("x-forwarded-prefix", b"https://evil/"),
        ("forwarded", b"proto=gopher"),
        ("forwarded", b"host"),
        ("forwarded", b";;;=,=;\"\\"),
        ("forwarded", b"host=\"evil"),
        ("forwarded", b"host=\xff"),
    ];
    for (name, value) in others {
        let headers: Headers<'_> = &[("host", b"own"), (name, value)];
        let url = base_url(&layer, headers).await;
        assert_eq!(url, "http://own/files/", "{name}: {}", value.escape_ascii());
    }
}
