//! The algorithms on offer.

use http::Request;

use super::{Scene, WORLD, chunked, data, trailers, untouchable};
use crate::checksum::{Algorithm, Algorithms, ChecksumLayer, Digest};
use crate::protocol::Body;

/// The checksums of `hello` by all algorithms.
const HELLO: [&str; 7] = [
    "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=",
    "sha256 LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
    "sha512 m3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw==",
    "md5 XUFAKrxLKna5cZ2REBfFkg==",
    "crc32 NhCmhg==",
    "crc32c mnG7TA==",
    "blake3 6o8WPbOGgpJeRJHF5Y1Ls1Bu+MFOt4qG6QjFYkpnIA8=",
];

#[tokio::test]
async fn each_knows_its_bytes_from_others_in_header_and_trailer() {
    for checksum in HELLO {
        for (bytes, status) in [(["he", "llo"], 204), (["he", "llO"], 460)] {
            let scene = Scene::new(None).await;
            let [first, last] = bytes.map(data);
            let patch = scene.patch(5).header("Upload-Checksum", checksum);
            let body = chunked(vec![first, last]);
            let response = scene.send(patch.body(body).unwrap()).await;
            assert_eq!(response.status(), status, "{checksum}");

            let scene = Scene {
                layer: ChecksumLayer::new().trailer_algorithms(Algorithms::default()),
                ..Scene::new(None).await
            };
            let [first, last] = bytes.map(data);
            let patch = scene.patch(5).header("Trailer", "Upload-Checksum");
            let body = chunked(vec![first, last, trailers(&[checksum])]);
            let response = scene.send(patch.body(body).unwrap()).await;
            assert_eq!(response.status(), status, "{checksum}");
        }
    }
}

async fn told(layer: ChecksumLayer) -> (Vec<String>, String) {
    let scene = Scene {
        layer,
        ..Scene::new(5).await
    };
    let options = Request::options("/").body(Body::default()).unwrap();
    let response = scene.send(options).await;
    let lines = response.headers().get_all("tus-extension").iter();
    let lines = lines.map(|line| line.to_str().unwrap().to_owned());
    let names = response.headers()["tus-checksum-algorithm"].to_str();
    (lines.collect(), names.unwrap().to_owned())
}

#[tokio::test]
async fn chk_10_options_tells_what_there_is_and_nothing_else_does() {
    let (extensions, names) = told(ChecksumLayer::new()).await;
    assert!(extensions.iter().any(|it| it == "checksum"), "CHK-01");
    assert!(
        extensions.iter().any(|it| it == "checksum-trailer"),
        "CTR-01"
    );
    assert_eq!(
        names, "sha1,sha256,sha512,md5,crc32,crc32c,blake3",
        "CHK-11"
    );
    let scene = Scene::new(5).await;
    let head = Request::head(format!("/{}", scene.id));
    let response = scene.send(head.body(Body::default()).unwrap()).await;
    assert!(!response.headers().contains_key("tus-checksum-algorithm"));
    assert!(!response.headers().contains_key("tus-extension"));
}

#[tokio::test]
async fn what_was_narrowed_away_is_not_known() {
    let some: Algorithms = " md5,crc32 ,, md5 ".parse().unwrap();
    let layer = ChecksumLayer::new().algorithms(some);
    let (_, names) = told(layer.clone()).await;
    assert_eq!(names, "md5,crc32");
    let scene = Scene {
        layer,
        ..Scene::new(11).await
    };
    let patch = scene.patch(5).header("Upload-Checksum", WORLD);
    let response = scene.send(patch.body(untouchable()).unwrap()).await;
    assert_eq!(response.status(), 400, "CHK-03");
    let patch = scene.patch(5).header("Trailer", "Upload-Checksum");
    let body = chunked(vec![data(" world"), trailers(&[WORLD])]);
    let response = scene.send(patch.body(body).unwrap()).await;
    assert_eq!(response.status(), 400, "CHK-03");
    let patch = scene.patch(5).header("Upload-Checksum", "crc32 SjtCyw==");
    let response = scene.send(patch.body(" world".into()).unwrap()).await;
    assert_eq!(response.status(), 204);
}

/// A digest of one byte: the lowest byte of the length.
struct Length(u8);

impl Digest for Length {
    fn update(&mut self, bytes: &[u8]) {
        self.0 = self.0.wrapping_add(bytes.len().to_le_bytes()[0]);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        vec![self.0]
    }
}

#[tokio::test]
async fn the_users_own_is_one_among_the_others() {
    let own = Algorithm::new("length", 1, || Length(0));
    let layer = ChecksumLayer::new().algorithms(Algorithms::default().with(own));
    let (_, names) = told(layer.clone()).await;
    assert!(names.ends_with(",blake3,length"), "{names}");
    for (checksum, status) in [("length Bg==", 204), ("length BQ==", 460), (WORLD, 204)] {
        let scene = Scene {
            layer: layer.clone(),
            ..Scene::new(11).await
        };
        let patch = scene.patch(5).header("Upload-Checksum", checksum);
        let response = scene.send(patch.body(" world".into()).unwrap()).await;
        assert_eq!(response.status(), status, "{checksum}");
    }
}

#[tokio::test]
async fn the_users_own_takes_the_place_of_one_of_its_name() {
    let own = Algorithm::new("sha1", 1, || Length(0));
    let algorithms = Algorithms::none()
        .with(Algorithm::new("length", 1, || Length(0)))
        .with(own);
    assert_eq!(algorithms.to_string(), "sha1,length", "CHK-08");
    let algorithms = Algorithms::default().with(Algorithm::new("sha1", 1, || Length(0)));
    assert_eq!(
        algorithms.to_string(),
        Algorithms::default().to_string(),
        "sha1 stays the first"
    );
}

#[test]
fn chk_09_a_name_that_no_client_could_write_is_a_mistake() {
    for name in ["", "SHA1", "sha 1", "sha1,md5", "sh\u{e4}", "sha1\n"] {
        let made = std::panic::catch_unwind(|| Algorithm::new(name, 1, || Length(0)));
        assert!(made.is_err(), "{name:?} was taken");
    }
    assert!("SHA1".parse::<Algorithms>().is_err());
    assert!("".parse::<Algorithms>().unwrap().is_empty());
}
