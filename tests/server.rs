//! The server binary from outside: flags, sockets, both HTTP versions, and
//! shutdown.

#![cfg(unix)]

mod harness;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use harness::services::ipv6;
use harness::{Server, Signal, command, patient, run};
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

// --- HTTP by hand ---

/// Reads one response: its head, and the body according to Content-Length.
async fn read_response(client: &mut TcpStream) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(patient(client.read_u8()).await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    patient(client.read_exact(&mut body)).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

async fn ask(client: &mut TcpStream, request: &str) -> (String, String) {
    client.write_all(request.as_bytes()).await.unwrap();
    read_response(client).await
}

/// Creates an upload of `length` bytes, and returns its path.
async fn create(client: &mut TcpStream, length: usize) -> String {
    let request = format!(
        "POST /files/ HTTP/1.1\r\nHost: tus\r\nTus-Resumable: 1.0.0\r\n\
         Upload-Length: {length}\r\nContent-Length: 0\r\n\r\n"
    );
    let (head, _) = ask(client, &request).await;
    assert!(head.starts_with("HTTP/1.1 201 Created\r\n"), "{head}");
    path_of(
        head.lines()
            .find_map(|line| line.strip_prefix("Location: "))
            .unwrap(),
    )
}

/// Returns the path of a Location, which may be a URL.
fn path_of(location: &str) -> String {
    location.parse::<http::Uri>().unwrap().path().to_owned()
}

fn patch(path: &str, length: usize) -> String {
    format!(
        "PATCH {path} HTTP/1.1\r\nHost: tus\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream\r\nContent-Length: {length}\r\n\r\n"
    )
}

fn stored(server: &Server, path: &str) -> Vec<u8> {
    std::fs::read(data_file(server, path)).unwrap()
}

fn data_file(server: &Server, path: &str) -> std::path::PathBuf {
    server.uploads().join(path.rsplit('/').next().unwrap())
}

/// Waits until a file has grown to `length` bytes, when nothing else signals
/// it.
async fn grown_to(path: &Path, length: u64) {
    patient(async {
        while std::fs::metadata(path).unwrap().len() < length {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// Connects an HTTP/2 client that sends nothing after its preface, not even a
/// PING acknowledgement.
async fn silent_h2_client(server: &Server) -> TcpStream {
    let mut client = server.connect().await;
    let empty_settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    client
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    client.write_all(&empty_settings).await.unwrap();
    // The server's SETTINGS frame shows that it uses HTTP/2.
    let mut frame = [0; 9];
    patient(client.read_exact(&mut frame)).await.unwrap();
    assert_eq!(frame[3], 4);
    client
}

async fn h2_client(server: &Server) -> http2::SendRequest<Full<Bytes>> {
    let io = TokioIo::new(server.connect().await);
    let (client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Reads until the other side closes.
async fn closed(client: &mut TcpStream) {
    let mut rest = Vec::new();
    patient(client.read_to_end(&mut rest)).await.unwrap();
}

// --- Serving ---

#[tokio::test]
async fn the_ready_line_has_the_real_port() {
    let server = Server::start(&[]).await;
    let port = server.address().port();
    assert_ne!(port, 0);
    assert_eq!(server.url(), format!("http://127.0.0.1:{port}/files/"));
    server.connect().await;
}

#[tokio::test]
async fn an_upload_over_http_1_lands_in_the_upload_directory() {
    let server = Server::start(&[]).await;
    let mut client = server.connect().await;
    let path = create(&mut client, 5).await;
    let (head, _) = ask(&mut client, &(patch(&path, 5) + "hello")).await;
    assert!(head.starts_with("HTTP/1.1 204 No Content\r\n"), "{head}");
    assert!(
        head.contains("\r\nUpload-Offset: 5\r\n"),
        "not in title case: {head}"
    );
    assert!(head.contains("\r\nTus-Resumable: 1.0.0\r\n"), "{head}");
    assert_eq!(stored(&server, &path), b"hello");
}

#[tokio::test]
async fn an_upload_over_h2c_lands_in_the_upload_directory() {
    let server = Server::start(&[]).await;
    let mut client = h2_client(&server).await;
    let request = |method, uri: String| {
        Request::builder()
            .method(method)
            .uri(uri)
            .header("tus-resumable", "1.0.0")
    };
    let post = request("POST", server.url().to_owned())
        .header("upload-length", "5")
        .body(Full::default())
        .unwrap();
    let response = patient(client.send_request(post)).await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let path = path_of(response.headers()["location"].to_str().unwrap());

    let patch = request("PATCH", format!("http://{}{path}", server.address()))
        .header("upload-offset", "0")
        .header("content-type", "application/offset+octet-stream")
        .body(Full::from("hello"))
        .unwrap();
    let response = patient(client.send_request(patch)).await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(response.headers()["upload-offset"], "5");
    assert_eq!(stored(&server, &path), b"hello");
}

#[tokio::test]
async fn any_host_is_both_versions_of_ip() {
    if !ipv6() {
        return;
    }
    for (host, shown) in [("0.0.0.0", "0.0.0.0"), ("", "0.0.0.0"), ("::", "[::]")] {
        let server = Server::start(&["-host", host]).await;
        let port = server.address().port();
        assert_eq!(server.url(), format!("http://{shown}:{port}/files/"));
        let addresses: [SocketAddr; 2] = [
            (Ipv4Addr::LOCALHOST, port).into(),
            (Ipv6Addr::LOCALHOST, port).into(),
        ];
        for address in addresses {
            let mut client = patient(TcpStream::connect(address)).await.unwrap();
            create(&mut client, 5).await;
        }
    }
}

#[tokio::test]
async fn a_host_may_be_a_name_or_an_ipv6_address_with_and_without_brackets() {
    let mut hosts = vec![("localhost", "localhost")];
    if ipv6() {
        hosts.extend([("::1", "[::1]"), ("[::1]", "[::1]")]);
    }
    for (host, shown) in hosts {
        let server = Server::start(&["-host", host]).await;
        let port = server.address().port();
        assert_eq!(server.url(), format!("http://{shown}:{port}/files/"));
        create(&mut server.connect().await, 5).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_without_free_files_waits_for_some() {
    use rustix::process::{Resource, Rlimit, prlimit};

    let mut server = Server::start(&[]).await;
    let few = Rlimit {
        current: Some(24),
        maximum: Some(24),
    };
    prlimit(Some(server.pid()), Resource::Nofile, few).unwrap();
    let mut clients = Vec::new();
    for _ in 0..24 {
        clients.push(server.connect().await);
    }
    server.line("cannot accept a connection").await;
    drop(clients);
    create(&mut server.connect().await, 5).await;
}

#[tokio::test]
async fn nobody_has_to_read_what_it_prints() {
    for (arg, code) in [("-version", 0), ("-help", 0), ("-nonsense", 2)] {
        let home = tempfile::tempdir().unwrap();
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut command = command(home.path(), &[arg]);
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        let status = patient(command.status()).await.unwrap();
        assert_eq!(status.code(), Some(code), "{arg}");
    }

    let mut server = Server::start(&[]).await;
    server.close_stdout().await;
    server.signal(Signal::TERM);
    // The shutdown is logged to the closed stdout.
    assert_eq!(server.exit().await.code(), Some(0));
}

// --- Flags ---

#[tokio::test]
async fn a_flag_has_four_spellings() {
    for args in [
        &["-base-path=/up/"][..],
        &["--base-path=/up/"],
        &["-base-path", "/up/"],
        &["--base-path", "/up/"],
    ] {
        let server = Server::start(args).await;
        assert!(server.url().ends_with("/up/"), "{args:?}: {}", server.url());
    }
}

#[tokio::test]
async fn the_last_of_two_wins() {
    let server = Server::start(&["-base-path=/a/", "--base-path", "/b/"]).await;
    assert!(server.url().ends_with("/b/"));
}

#[tokio::test]
async fn the_base_path_gets_its_slashes() {
    for (path, shown) in [("up/loads", "/up/loads/"), ("/", "/"), ("", "/")] {
        let server = Server::start(&["-base-path", path]).await;
        let port = server.address().port();
        assert_eq!(server.url(), format!("http://127.0.0.1:{port}{shown}"));
    }
}

#[tokio::test]
async fn the_upload_directory_is_made_with_its_parents() {
    let home = tempfile::tempdir().unwrap();
    let _server = Server::start_in(home.path(), &["-upload-dir", "a/b"]).await;
    assert!(home.path().join("a/b").is_dir());
    assert!(!home.path().join("data").exists());
}

#[tokio::test]
async fn values_are_written_as_in_go() {
    for args in [
        &["-port=0x0", "-port", "0_0"][..],
        &["-acquire-lock-timeout=1h2m3.5s", "-shutdown-timeout", ".5s"],
        &["-acquire-lock-timeout", "0", "--shutdown-timeout=1µs"],
        &[
            "-filelock-holder-poll-interval=5s",
            "-filelock-acquirer-poll-interval",
            "2s",
        ],
        &["-version=false", "-version=F"],
        &["-request-completion-timeout=1s"],
        &["-durability=none"],
        &["-durability=finish"],
        &["--durability", "offset"],
    ] {
        Server::start(args).await;
    }
}

#[tokio::test]
async fn the_version_is_printed_alone() {
    for arg in ["-version", "--version", "-version=true", "--version=T"] {
        let output = run(&[arg]).await;
        assert_eq!(output.status.code(), Some(0), "{arg}");
        let version = concat!("tower-tusd ", env!("CARGO_PKG_VERSION"), "\n");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), version);
        assert!(output.stderr.is_empty());
    }
}

#[tokio::test]
async fn help_lists_every_flag() {
    for arg in ["-h", "-help", "--help", "--h"] {
        let output = run(&[arg]).await;
        assert_eq!(output.status.code(), Some(0), "{arg}");
        let help = String::from_utf8(output.stdout).unwrap();
        for flag in [
            "host",
            "port",
            "base-path",
            "behind-proxy",
            "max-size",
            "public-url",
            "relative-location",
            "disable-termination",
            "lenient",
            "disable-cors",
            "cors-allow-origin",
            "upload-dir",
            "dir-perms",
            "file-perms",
            "durability",
            "filelock-holder-poll-interval",
            "filelock-acquirer-poll-interval",
            "network-timeout",
            "acquire-lock-timeout",
            "request-completion-timeout",
            "shutdown-timeout",
            "expose-metrics",
            "metrics-path",
            "verbose",
            "log-format",
            "show-startup-logs",
            "show-greeting",
            "s3-bucket",
            "version",
        ] {
            assert!(help.contains(&format!("--{flag}")), "{flag}: {help}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_flags_is_one_line_and_exit_code_2() {
    for (args, named) in [
        (&["-no-such-flag"][..], "no-such-flag"),
        (&["-no-such-flag=1"], "no-such-flag"),
        (&["-port"], "--port"),
        (&["-port", "many"], "--port"),
        (&["-port=65536"], "--port"),
        (&["-port=-1"], "--port"),
        (&["-port", "-1"], "--port"),
        (&["-host", "-x", "-port=x"], "--port"),
        (&["-base-path=/a?b"], "--base-path"),
        (&["-public-url=x.example"], "--public-url"),
        (&["-base-path=https://tus.io/files/"], "--base-path"),
        (&["-upload-dir="], "--upload-dir"),
        (&["-dir="], "--upload-dir"),
        (&["-dir-perms=888"], "--dir-perms"),
        (&["-file-perms", "0o664"], "--file-perms"),
        (&["-timeout=60s"], "--timeout"),
        (&["-log-format=xml"], "--log-format"),
        (&["-s3-part-size=large"], "--s3-part-size"),
        (&["-durability=always"], "--durability"),
        (&["-acquire-lock-timeout=60"], "--acquire-lock-timeout"),
        (
            &["-filelock-holder-poll-interval=5"],
            "--filelock-holder-poll-interval",
        ),
        (
            &["-filelock-acquirer-poll-interval=2"],
            "--filelock-acquirer-poll-interval",
        ),
        (&["-shutdown-timeout", "10"], "--shutdown-timeout"),
        (&["-shutdown-timeout=-1s"], "--shutdown-timeout"),
        (&["-version=maybe"], "--version"),
        (&["-version", "perhaps"], "'perhaps'"),
        (&["-version", "-no-such-flag"], "no-such-flag"),
        (&["-metrics-path=/files/"], "-metrics-path /files/"),
        (&["-metrics-path=/files/m"], "-base-path /files/"),
        (&["-base-path=/metrics/up"], "-metrics-path /metrics"),
        (&["operand"], "'operand'"),
        (&["operand", "-no-such-flag"], "'operand'"),
        (&["--", "-version"], "'-version'"),
        (&["-"], "'-'"),
        (&["---port=1"], "---port"),
    ] {
        let output = run(args).await;
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {complaint}");
        assert!(complaint.contains(named), "{args:?}: {complaint}");
        assert!(
            complaint.ends_with("; -help lists the flags\n"),
            "{complaint}"
        );
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[tokio::test]
async fn a_flag_may_come_from_the_environment_and_the_command_line_wins() {
    let home = tempfile::tempdir().unwrap();
    for (args, path) in [(&[][..], "/environment/"), (&["-base-path=line"], "/line/")] {
        let mut command = command(home.path(), args);
        command.env("TUS_BASE_PATH", "environment");
        let server = Server::launch(home.path(), command).await;
        assert!(server.url().ends_with(path), "{}", server.url());
    }
}

#[tokio::test]
async fn what_kubernetes_puts_into_the_environment_is_no_flag() {
    let home = tempfile::tempdir().unwrap();
    let mut command = command(home.path(), &[]);
    command.env("TUS_SHUTDOWN_TIMEOUT", "tcp://10.0.0.1:8080");
    Server::launch(home.path(), command).await;
}

#[tokio::test]
async fn what_is_wrong_with_the_environment_is_exit_code_2() {
    let home = tempfile::tempdir().unwrap();
    let mut command = command(home.path(), &[]);
    command.env("TUS_SHUTDOWN_TIMEOUT", "60");
    let output = patient(command.output()).await.unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("--shutdown-timeout"), "{complaint}");
    assert!(complaint.contains("from the environment"), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
}

#[tokio::test]
async fn a_start_that_fails_is_one_line_and_exit_code_1() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = format!("-port={}", taken.local_addr().unwrap().port());
    for (arg, complaint) in [
        (port.as_str(), "tower-tusd: cannot listen on 127.0.0.1:"),
        (
            "-host=nowhere.invalid",
            "tower-tusd: cannot listen on nowhere.invalid:0: ",
        ),
        (
            "-upload-dir=/dev/null/data",
            "tower-tusd: cannot make /dev/null/data: ",
        ),
        #[cfg(target_os = "linux")]
        ("-upload-dir=/proc", "tower-tusd: cannot write to /proc: "),
    ] {
        let output = run(&[arg]).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arg}: {said}");
        assert!(said.starts_with(complaint), "{arg}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(output.stdout.is_empty(), "{arg}");
    }
}

// --- The end ---

#[tokio::test]
async fn a_shutdown_stores_what_has_come_and_tells_the_client() {
    let home = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(home.path(), &[]).await;
    let mut client = server.connect().await;
    let path = create(&mut client, 1000).await;
    client
        .write_all(patch(&path, 1000).as_bytes())
        .await
        .unwrap();
    client.write_all(&[b'a'; 600]).await.unwrap();
    grown_to(&data_file(&server, &path), 600).await;

    server.signal(Signal::TERM);
    let (head, body) = read_response(&mut client).await;
    assert!(
        head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
        "{head}"
    );
    assert!(body.starts_with("ERR_SERVER_SHUTDOWN: "), "{body}");
    drop(client);
    assert_eq!(server.exit().await.code(), Some(0));
    assert_eq!(stored(&server, &path), [b'a'; 600]);

    let server = Server::start_in(home.path(), &[]).await;
    let mut client = server.connect().await;
    let head = format!("HEAD {path} HTTP/1.1\r\nHost: tus\r\nTus-Resumable: 1.0.0\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = patient(client.read(&mut answer)).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.contains("\r\nUpload-Offset: 600\r\n"), "{answer}");
}

#[tokio::test]
async fn idle_connections_do_not_delay_the_exit() {
    let mut server = Server::start(&["-shutdown-timeout=10m"]).await;
    let mut silent = server.connect().await;
    let mut kept_alive = server.connect().await;
    create(&mut kept_alive, 5).await;
    let mut h2 = h2_client(&server).await;
    let url = format!("http://{}/", server.address());
    let request = Request::get(url).body(Full::default()).unwrap();
    patient(h2.send_request(request)).await.unwrap();

    server.signal(Signal::TERM);
    closed(&mut silent).await;
    closed(&mut kept_alive).await;
    assert_eq!(server.exit().await.code(), Some(0));
}

#[tokio::test]
async fn an_interrupt_ends_it_as_well() {
    let mut server = Server::start(&[]).await;
    server.signal(Signal::INT);
    assert_eq!(server.exit().await.code(), Some(0));
}

#[tokio::test]
async fn nobody_is_let_in_during_a_shutdown() {
    let mut server = Server::start(&["-shutdown-timeout=10m"]).await;
    let _client = silent_h2_client(&server).await;
    server.signal(Signal::TERM);
    server.line("SIGTERM").await;
    let refused = TcpStream::connect(server.address()).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    for second in [Signal::TERM, Signal::INT] {
        let mut server = Server::start(&["-shutdown-timeout=10m"]).await;
        let _client = silent_h2_client(&server).await;
        server.signal(Signal::TERM);
        server.line("SIGTERM").await;
        server.signal(second);
        assert_eq!(server.exit().await.code(), Some(1));
    }
}

#[tokio::test]
async fn a_client_that_hangs_holds_the_exit_until_the_timeout_and_is_exit_code_1() {
    let mut server = Server::start(&["-shutdown-timeout=500ms"]).await;
    let _client = silent_h2_client(&server).await;
    let begin = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(1));
    assert!(begin.elapsed() >= Duration::from_millis(500));
    let rest = server.rest().await;
    assert!(
        rest.iter().any(|line| line.contains("shutdown timeout")),
        "{rest:?}"
    );
}

#[tokio::test]
async fn a_shutdown_without_time_waits_for_nobody() {
    let mut server = Server::start(&["-shutdown-timeout=0"]).await;
    let _client = silent_h2_client(&server).await;
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(1));
}
