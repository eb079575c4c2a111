//! The output of the server: start lines and log lines, like tusd's.

#![cfg(unix)]

mod harness;

use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use harness::raw::Ends;
use harness::tus::{Tus, Version, content, patch, request};
use harness::{Server, Signal, command, patient, run};
use http::Method;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

fn client(server: &Server) -> Tus {
    Tus::new(server.url(), Version::Http1)
}

/// Returns all output of the server after its start.
async fn log_of(mut server: Server) -> Vec<String> {
    server.signal(Signal::TERM);
    server.rest().await
}

/// Checks and removes the client's address.
fn less_address(line: &str) -> String {
    let Some((before, rest)) = line.split_once(" remoteAddr=") else {
        return line.to_owned();
    };
    let (address, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let port = address.strip_prefix("127.0.0.1:").unwrap();
    assert!(port.parse::<u16>().is_ok(), "{line}");
    format!("{before} {rest}").trim_end().to_owned()
}

/// Checks a generated request id, and replaces it with `made`.
fn less_made_id(line: &str) -> String {
    let made = |id: &str| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = line.split(' ').map(|word| match word.split_once('=') {
        Some(("requestId", id)) if made(id) => "requestId=made",
        _ => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Checks and removes the time of a line.
fn less_time(line: &str) -> &str {
    let (time, rest) = line.split_at("2006/01/02 15:04:05.000000 ".len());
    for (found, form) in time.chars().zip("0000/00/00 00:00:00.000000 ".chars()) {
        assert!(
            found == form || found.is_ascii_digit() && form == '0',
            "{line}"
        );
    }
    rest
}

/// A client that connects to a free port of 127.0.0.1 may get the same port as
/// its own, and thus connect to itself.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

// --- The start ---

#[tokio::test]
async fn the_start_tells_the_settings_as_tusd_does() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().canonicalize().unwrap();
    let server = Server::start_in(&home, &["-max-size=2621440"]).await;
    let lines: Vec<_> = server
        .start_lines()
        .iter()
        .map(|line| less_time(line))
        .collect();
    let expected = [
        &format!("Using '{}/data' as directory storage.", home.display()),
        "Using 2.50MB as maximum size.",
        lines[2],
        &format!("Using {} as address to listen.", server.address()),
        "Using /files/ as the base path.",
        "Using /metrics as the metrics path.",
    ];
    assert_eq!(lines, expected);
    let (label, extensions) = lines[2].split_once(": ").unwrap();
    assert_eq!(label, "Supported tus extensions");
    assert!(extensions.starts_with("creation,"), "{extensions}");
}

#[tokio::test]
async fn asking_the_stack_what_it_can_do_is_no_request() {
    let server = Server::start(&[]).await;
    assert_eq!(server.start_lines().len(), 6, "{:?}", server.start_lines());
}

#[tokio::test]
async fn start_lines_can_be_switched_off_and_the_listener_is_open_all_the_same() {
    let free = TcpListener::bind((ELSEWHERE, 0)).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let home = tempfile::tempdir().unwrap();
    let port = format!("-port={}", address.port());
    let host = format!("-host={ELSEWHERE}");
    let mut command = command(home.path(), &["-show-startup-logs=false", &host, &port]);
    let mut server = command.stdout(Stdio::piped()).spawn().unwrap();
    let client = patient(async {
        loop {
            match TcpStream::connect(address).await {
                Ok(client) => break client,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    });
    drop(client.await);
    let pid = server.id().unwrap().try_into().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    let mut said = String::new();
    let mut stdout = server.stdout.take().unwrap();
    patient(stdout.read_to_string(&mut said)).await.unwrap();
    // The look at the directory is none of the start lines, and ends at any time.
    let said = said.lines().filter(|line| !line.contains("LeftoversFound"));
    let said: Vec<_> = said.map(less_time).collect();
    assert_eq!(said, ["level=INFO event=\"SIGTERM, shutting down\""]);
}

// --- The lines ---

#[tokio::test]
async fn an_upload_is_told_in_tusd_s_lines() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let url = tus.create(10).await;
    let id = url.rsplit('/').next().unwrap().to_owned();
    let append = patch(&url, 0).header("X-Request-ID", "one two");
    tus.send(append.body(content("hello")).unwrap()).await;
    tus.append(&url, 5, content("world")).await;
    tus.ask(request(Method::DELETE, &url)).await;
    tus.head(&url).await;

    let log = log_of(server).await;
    let log: Vec<_> = log
        .iter()
        .map(|line| less_made_id(&less_address(less_time(line))))
        .collect();
    let requests = log.iter().filter(|line| line.contains("method="));
    assert_eq!(requests.count() + 1, log.len());
    let on = |method: &str| format!("method={method} path={id} requestId=made");
    let named = format!("method=PATCH path={id} requestId=\"one two\"");
    let no_path = "method=POST path=\"\" requestId=made";
    let expected = [
        format!("level=INFO event=RequestIncoming {no_path}"),
        format!("level=INFO event=UploadCreated {no_path} id={id} size=10 url={url}"),
        format!("level=INFO event=ResponseOutgoing {no_path} id={id} status=201 body=\"\""),
        format!("level=INFO event=RequestIncoming {named}"),
        format!("level=INFO event=ChunkWriteStart {named} id={id} maxSize=10 offset=0"),
        format!("level=INFO event=ChunkWriteComplete {named} id={id} bytesWritten=5"),
        format!("level=INFO event=ResponseOutgoing {named} id={id} status=204 body=\"\""),
        format!("level=INFO event=RequestIncoming {}", on("PATCH")),
        format!(
            "level=INFO event=ChunkWriteStart {} id={id} maxSize=5 offset=5",
            on("PATCH")
        ),
        format!(
            "level=INFO event=ChunkWriteComplete {} id={id} bytesWritten=5",
            on("PATCH")
        ),
        format!(
            "level=INFO event=UploadFinished {} id={id} size=10",
            on("PATCH")
        ),
        format!(
            "level=INFO event=ResponseOutgoing {} id={id} status=204 body=\"\"",
            on("PATCH")
        ),
        format!("level=INFO event=RequestIncoming {}", on("DELETE")),
        format!("level=INFO event=UploadTerminated {} id={id}", on("DELETE")),
        format!(
            "level=INFO event=ResponseOutgoing {} id={id} status=204 body=\"\"",
            on("DELETE")
        ),
        format!("level=INFO event=RequestIncoming {}", on("HEAD")),
        format!(
            "level=INFO event=ResponseOutgoing {} status=404 \
             body=\"ERR_UPLOAD_NOT_FOUND: upload not found\\n\"",
            on("HEAD")
        ),
        "level=INFO event=\"SIGTERM, shutting down\"".to_owned(),
    ];
    assert_eq!(log, expected);
}

#[tokio::test]
async fn a_request_whose_client_has_gone_is_logged_to_its_end() {
    let home = tempfile::tempdir().unwrap();
    let held = "while [ -e hold ]; do sleep 0.01; done";
    hook(home.path(), "pre-finish", held);
    std::fs::write(home.path().join("hold"), "").unwrap();
    let args = ["-hooks-dir=.", "-hooks-enabled-events=pre-finish"];
    let mut server = Server::start_in(home.path(), &args).await;
    let url = client(&server).create(5).await;
    let mut gone = harness::raw::Http2::connect(server.address()).await;
    let append = patch(&url, 0).header("X-Request-ID", "of-this-test");
    let mut stream = gone.begin(append.body(()).unwrap(), Ends::Later).await;
    stream.send("hello".into(), Ends::Here).await;
    server.line("event=HookInvocationStart").await;
    stream.reset(h2::Reason::CANCEL);
    gone.is_heard().await;
    std::fs::remove_file(home.path().join("hold")).unwrap();
    for event in ["UploadFinished", "ResponseOutgoing"] {
        let line = server.line(&format!("event={event} ")).await;
        assert!(line.contains(" requestId=of-this-test "), "{line}");
    }
}

#[tokio::test]
async fn without_verbose_the_calls_of_hooks_are_not_told() {
    for (flag, told) in [("-verbose", true), ("-verbose=false", false)] {
        let home = tempfile::tempdir().unwrap();
        hook(home.path(), "pre-create", "true");
        let server = Server::start_in(home.path(), &[flag, "-hooks-dir=."]).await;
        client(&server).create(5).await;
        let log = log_of(server).await;
        let has = |event| log.iter().any(|line| line.contains(event));
        assert_eq!(
            has("event=HookInvocationStart type=pre-create id=\"\""),
            told,
            "{log:?}"
        );
        assert!(has("event=RequestIncoming") && has("event=UploadCreated"));
        assert!(!has("post-create"), "there is no such hook: {log:?}");
    }
}

#[tokio::test]
async fn a_log_level_leaves_out_what_is_less_important() {
    const EVENTS: [&str; 4] = [
        "HookInvocationStart",
        "RequestIncoming",
        // A warning.
        "-s3-endpoint",
        "InternalServerError",
    ];
    for (args, logged) in [
        (&["-log-level=debug"][..], &EVENTS[..]),
        (&["-log-level=debug", "-verbose=false"], &EVENTS[1..]),
        (&["-log-level=info"], &EVENTS[1..]),
        (&["-log-level=warn"], &EVENTS[2..]),
        (&["-log-level=error", "-log-format=json"], &EVENTS[3..]),
    ] {
        let home = tempfile::tempdir().unwrap();
        hook(home.path(), "pre-create", "true");
        let args = [args, &["-hooks-dir=.", "-s3-endpoint=x"]].concat();
        let server = Server::start_in(home.path(), &args).await;
        let begin = server.start_lines().to_vec();
        assert!(!begin.is_empty(), "they have their own flag");
        let tus = client(&server);
        let url = tus.create(5).await;
        let id = url.rsplit('/').next().unwrap();
        std::fs::write(server.uploads().join(format!("{id}.info")), "not JSON").unwrap();
        assert_eq!(tus.head(&url).await.status(), 500);

        let log = [begin, log_of(server).await].concat();
        let with = |event: &str| log.iter().find(|line| line.contains(event));
        for event in EVENTS {
            assert_eq!(
                with(event).is_some(),
                logged.contains(&event),
                "{args:?}: {log:?}"
            );
        }
        let error = with(EVENTS[3]).unwrap();
        assert!(error.contains("HEAD") && error.contains(id), "{error}");
    }
}

#[tokio::test]
async fn with_the_log_off_nothing_is_printed_but_why_the_server_does_not_start() {
    let free = TcpListener::bind((ELSEWHERE, 0)).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let home = tempfile::tempdir().unwrap();
    let (host, port) = (
        format!("-host={ELSEWHERE}"),
        format!("-port={}", address.port()),
    );
    // A warning at the start, and everything that an upload logs.
    let args = ["-log-level=off", "-s3-endpoint=x", &host, &port];
    let mut command = command(home.path(), &args);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let server = command.spawn().unwrap();
    patient(async {
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let tus = Tus::new(&format!("http://{address}/files/"), Version::Http1);
    let url = tus.create(5).await;
    assert_eq!(tus.append(&url, 0, content("hello")).await.status(), 204);
    let pid = server.id().unwrap().try_into().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    let output = patient(server.wait_with_output()).await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        output.stdout.is_empty() && output.stderr.is_empty(),
        "{output:?}"
    );

    let output = run(&["-log-level=off", "-upload-dir=/dev/null/data"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1);
}

/// Writes a hook with one line of shell.
fn hook(dir: &std::path::Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn what_a_hook_writes_to_stderr_is_in_lines_of_that_hook() {
    let home = tempfile::tempdir().unwrap();
    hook(
        home.path(),
        "pre-create",
        "echo 'one thing' >&2; printf another >&2",
    );
    let mut server = Server::start_in(home.path(), &["-hooks-dir=."]).await;
    client(&server).create(5).await;
    for text in ["stderr=\"one thing\"", "stderr=another"] {
        let line = server.line("event=HookStderr").await;
        assert!(
            line.contains("type=pre-create") && line.ends_with(text),
            "{line}"
        );
    }
}

#[tokio::test]
async fn a_malformed_request_writes_no_line_that_wakes_an_operator() {
    let server = Server::start(&["-behind-proxy"]).await;
    let tus = client(&server);
    let url = tus.create(5).await;
    let bad = tus
        .post()
        .header("Upload-Length", "5")
        .header("Upload-Metadata", "a !");
    tus.ask(bad).await;
    let bad = tus.post().header("Upload-Length", "-1");
    tus.ask(bad).await;
    tus.ask(request(Method::HEAD, &format!("{url}/../x"))).await;
    let bad = patch(&url, 7).header("Upload-Checksum", "sha1 !");
    tus.send(bad.body(content("hello")).unwrap()).await;
    let bad = tus
        .post()
        .header("Upload-Length", "5")
        .header("Content-Type", "text/plain");
    tus.send(bad.body(content("hello")).unwrap()).await;
    let mut raw = harness::raw::Http1::connect(server.address()).await;
    raw.send(b"HEAD /files/x HTTP/1.1\r\nHost: a\r\nForwarded: =;;\r\n\r\n")
        .await;
    // An unexpected PING acknowledgement, and a frame of unknown type.
    let mut raw = harness::raw::Http1::connect(server.address()).await;
    raw.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await;
    raw.send(b"\0\0\x08\x06\x01\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08")
        .await;
    raw.send(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff").await;
    tus.head(&url).await;
    let log = log_of(server).await;
    let loud = |line: &&String| line.contains("level=WARN") || line.contains("level=ERROR");
    assert_eq!(log.iter().find(loud), None);
}

#[tokio::test]
async fn each_answer_names_the_id_of_its_request_as_the_log_does() {
    for version in [Version::Http1, Version::Http2] {
        let server = Server::start(&[]).await;
        let tus = Tus::new(server.url(), version);
        let metrics = format!("http://{}/metrics", server.address());
        let nowhere = format!("http://{}/elsewhere", server.address());
        let mut made = Vec::new();
        for url in [server.url(), &metrics, &nowhere] {
            let sent = request(Method::GET, url).header("X-Request-ID", "the client's");
            let answer = tus.ask(sent).await;
            assert_eq!(answer.headers()["x-request-id"], "the client's", "{url}");
            let answer = tus.ask(request(Method::GET, url)).await;
            let id = answer.headers()["x-request-id"].to_str().unwrap();
            assert_eq!(id.len(), 32, "{id}");
            assert!(!made.contains(&id.to_owned()), "it is there twice: {id}");
            made.push(id.to_owned());
        }
        let log = log_of(server).await;
        for part in [&*made[0], "\"the client's\""] {
            let part = format!("requestId={part}");
            let lines = log.iter().filter(|line| line.contains(&part));
            assert_eq!(lines.count(), 2, "{part}: {log:?}");
        }
    }
}

#[tokio::test]
async fn a_malformed_request_is_answered_with_an_id_too() {
    let server = Server::start(&[]).await;
    let mut client = harness::raw::Http1::connect(server.address()).await;
    client.send(b"GET / HTTP/1.1\r\n\r\n").await;
    let answer = client.response().await.expect("it is refused");
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.headers()["x-request-id"].len(), 32);
}

#[tokio::test]
async fn no_credential_of_a_client_is_in_any_line_and_hooks_still_see_all_of_them() {
    const SECRETS: [(&str, &str); 3] = [
        ("Authorization", "Bearer hush-1"),
        ("Cookie", "session=hush-2"),
        ("Proxy-Authorization", "Basic hush-3"),
    ];
    let home = tempfile::tempdir().unwrap();
    hook(home.path(), "pre-create", "cat >>seen; exit $(cat code)");
    for code in ["0", "1"] {
        std::fs::write(home.path().join("code"), code).unwrap();
        let args = [
            "-hooks-dir=.",
            "-verbose",
            "-hooks-http-forward-headers=Cookie",
        ];
        let server = Server::start_in(home.path(), &args).await;
        let tus = client(&server);
        let nowhere = format!("http://{}/elsewhere", server.address());
        let metrics = format!("http://{}/metrics", server.address());
        for mut ask in [
            tus.post().header("Upload-Length", "5"),
            tus.post().header("Upload-Length", "-5"),
            request(Method::HEAD, &format!("{}none", server.url())),
            request(Method::PUT, &nowhere),
            request(Method::GET, &metrics),
        ] {
            for (name, value) in SECRETS {
                ask = ask.header(name, value);
            }
            tus.ask(ask).await;
        }
        let log = log_of(server).await.join("\n");
        assert!(log.contains("event=HookInvocationStart"), "{log}");
        assert!(!log.contains("hush"), "{log}");
    }
    let seen = std::fs::read_to_string(home.path().join("seen")).unwrap();
    assert!(
        !seen.contains("X-Request-Id"),
        "only what clients send: {seen}"
    );
    for (name, value) in SECRETS {
        assert!(
            seen.contains(&format!("\"{name}\":[\"{value}\"]")),
            "{seen}"
        );
    }
}

#[tokio::test]
async fn json_is_flat_and_an_object_a_line() {
    let server = Server::start(&["-log-format=json"]).await;
    for line in server.start_lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["level"], "INFO");
        assert!(
            line["msg"].is_string() && line["time"].is_string(),
            "{line}"
        );
    }
    let tus = client(&server);
    let odd = tus
        .post()
        .header("X-Request-ID", "quote\"d")
        .header("Upload-Length", "5");
    let url = tus.location(&tus.ask(odd).await);
    let log = log_of(server).await;
    let log: Vec<Value> = log
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut created = log[1].as_object().unwrap().clone();
    let time = created.remove("time").unwrap();
    let address = created.remove("remoteAddr").unwrap();
    assert!(address.as_str().unwrap().starts_with("127.0.0.1:"));
    assert_eq!(time.as_str().unwrap().as_bytes()[10], b'T');
    let id = url.rsplit('/').next().unwrap();
    let expected = serde_json::json!({
        "level": "INFO", "msg": "UploadCreated",
        "method": "POST", "path": "", "requestId": "quote\"d",
        "id": id, "size": 5, "url": url,
    });
    assert_eq!(Value::from(created), expected);
}

#[tokio::test]
async fn times_are_local() {
    let home = tempfile::tempdir().unwrap();
    let mut command = command(home.path(), &["-log-format=json"]);
    command.env("TZ", "XYZ-05:30");
    let server = Server::launch(home.path(), command).await;
    let log = log_of(server).await;
    let line: Value = serde_json::from_str(&log[0]).unwrap();
    let time = line["time"].as_str().unwrap();
    assert!(time.ends_with("+05:30"), "{time}");
}

#[tokio::test]
async fn no_client_writes_lines_of_its_own() {
    let server = Server::start(&[]).await;
    let url = format!("{}%0alevel=ERROR%20x", server.url());
    client(&server).head(&url).await;
    let log = log_of(server).await;
    assert_eq!(log.len(), 3, "{log:?}");
    assert!(log.iter().all(|line| !line.starts_with("level")), "{log:?}");
}

#[tokio::test]
async fn what_went_wrong_inside_is_logged_and_not_told() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let url = tus.create(5).await;
    let id = url.rsplit('/').next().unwrap();
    std::fs::write(server.uploads().join(format!("{id}.info")), "not JSON").unwrap();
    let patch = patch(&url, 0).header("X-Request-ID", "the-one");
    let answer = tus.send(patch.body(content("hello")).unwrap()).await;
    assert_eq!(
        answer.body(),
        "ERR_INTERNAL_SERVER_ERROR: internal server error\n"
    );
    let log = log_of(server).await;
    let line = log
        .iter()
        .find(|line| line.contains("level=ERROR"))
        .unwrap();
    for part in [
        "event=InternalServerError",
        "method=PATCH",
        id,
        "requestId=the-one",
        ".info",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_is_no_error_of_the_server() {
    let mut server = Server::start(&[]).await;
    let url = client(&server).create(10).await;
    let path = url.parse::<http::Uri>().unwrap().path().to_owned();
    let mut gone = harness::raw::Http1::connect(server.address()).await;
    let headers = [
        ("Upload-Offset", "0".to_owned()),
        ("Content-Type", "application/offset+octet-stream".to_owned()),
        ("Content-Length", "10".to_owned()),
    ];
    gone.head(&format!("PATCH {path}"), &headers).await;
    server.line("event=ChunkWriteStart").await;
    gone.send(b"hello").await;
    gone.fin();
    let line = server.line("event=BodyReadError").await;
    assert!(line.contains("level=INFO"), "{line}");
    assert!(
        line.contains("error=\"server expected to receive more bytes\""),
        "{line}"
    );
}

// --- Readers of the log ---

#[tokio::test]
async fn a_server_that_cannot_bind_does_not_say_where_to_upload() {
    let taken = TcpListener::bind((ELSEWHERE, 0)).unwrap();
    let port = format!("-port={}", taken.local_addr().unwrap().port());
    let host = format!("-host={ELSEWHERE}");
    let socket = tempfile::tempdir().unwrap();
    let socket = format!("-unix-sock={}", socket.path().display());
    for args in [&[&*host, &*port][..], &[&*socket]] {
        for format in ["-log-format=text", "-log-format=json"] {
            let output = run(&[args, &[format]].concat()).await;
            assert_eq!(output.status.code(), Some(1));
            assert!(output.stdout.is_empty(), "{output:?}");
        }
    }
}

#[tokio::test]
async fn no_limit_is_unlimited() {
    let server = Server::start(&[]).await;
    let line = less_time(&server.start_lines()[1]);
    assert_eq!(line, "Using unlimited as maximum size.");
}

#[tokio::test]
async fn credentials_for_pages_of_strangers_are_one_warning_that_shows_the_anchored_form() {
    for (origin, advice) in [
        (r"https://a\.org", Some(r"^https://a\.org$")),
        (".*", Some(r"^https://example\.com$")),
        (r"^https://a\.org$", None),
    ] {
        let origin = format!("-cors-allow-origin={origin}");
        let server = Server::start(&["-cors-allow-credentials", &origin]).await;
        let warnings = server.start_lines().iter();
        let warnings: Vec<_> = warnings
            .filter(|line| line.contains("level=WARN"))
            .collect();
        assert_eq!(
            warnings.len(),
            usize::from(advice.is_some()),
            "{warnings:?}"
        );
        if let Some(advice) = advice {
            assert!(
                warnings[0].contains(&advice.replace('\\', r"\\")),
                "{warnings:?}"
            );
        }
    }
}

#[tokio::test]
async fn fatal_lines_are_on_stderr_and_stdout_stays_empty() {
    let output = run(&["-upload-dir=/dev/null/data"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1);
}

#[tokio::test]
async fn nobody_has_to_read_the_log() {
    let mut server = Server::start(&[]).await;
    server.close_stdout().await;
    let tus = client(&server);
    let url = tus.create(5).await;
    assert_eq!(tus.append(&url, 0, content("hello")).await.status(), 204);
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
}

/// A server whose log goes to a pipe that is full from the start.
struct Unread {
    server: tokio::process::Child,
    tus: Tus,
    reader: io::PipeReader,
    _home: tempfile::TempDir,
}

impl Unread {
    async fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let free = TcpListener::bind((ELSEWHERE, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let (reader, writer) = io::pipe().unwrap();
        fill(&writer);
        let (host, port) = (
            format!("-host={ELSEWHERE}"),
            format!("-port={}", address.port()),
        );
        let mut command = command(home.path(), &[&host, &port]);
        let server = command.stdout(writer).spawn().unwrap();
        patient(async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        Self {
            server,
            tus: Tus::new(&format!("http://{address}/files/"), Version::Http1),
            reader,
            _home: home,
        }
    }

    async fn ends_well(&mut self) {
        let pid = self.server.id().unwrap().try_into().unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
        let status = patient(self.server.wait()).await.unwrap();
        assert_eq!(status.code(), Some(0));
    }
}

#[tokio::test]
async fn a_reader_that_sleeps_holds_no_upload() {
    let mut unread = Unread::start().await;
    let tus = &unread.tus;
    let upload = tus.create(5).await;
    assert_eq!(tus.append(&upload, 0, content("hello")).await.status(), 204);
    unread.ends_well().await;
}

#[tokio::test]
async fn lines_for_which_there_was_no_room_are_counted_in_one_line() {
    let mut unread = Unread::start().await;
    // Two lines each, of which all but the first 4 MiB have no room.
    let long = format!("{}{}", unread.tus.url, "x".repeat(30_000));
    for _ in 0..150 {
        let answer = unread.tus.ask(request(Method::HEAD, &long)).await;
        assert_eq!(answer.status(), 404);
    }
    let mut lines = BufReader::new(unread.reader.try_clone().unwrap()).lines();
    let read = tokio::task::spawn_blocking(move || {
        lines.find(|line| line.as_ref().unwrap().contains("were dropped"))
    });
    let line = patient(read).await.unwrap().unwrap().unwrap();
    let (head, count) = line.split_once(" lines=").unwrap();
    assert!(head.contains("level=WARN"), "{line}");
    assert!((1..300).contains(&count.parse::<u32>().unwrap()), "{line}");
    unread.ends_well().await;
}

/// Writes until the pipe is full.
fn fill(pipe: &io::PipeWriter) {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let flags = fcntl_getfl(pipe).unwrap();
    fcntl_setfl(pipe, flags | OFlags::NONBLOCK).unwrap();
    while io::Write::write(&mut &*pipe, &[b'\n'; 4096]).is_ok() {}
    fcntl_setfl(pipe, flags).unwrap();
}
