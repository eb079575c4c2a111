//! Content that cannot be read, or that the store knows little about.

use super::*;
use crate::download::budget::Budget;
use crate::download::representation::represent;

/// Content of eleven bytes that are read by a closure.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) upload: Upload,
    pub(super) reads: fn(Range<u64>) -> Result<Bytes, Error>,
}

#[async_trait]
impl Content for Broken {
    fn upload(&self) -> &Upload {
        &self.upload
    }

    fn modified(&self) -> Option<SystemTime> {
        None
    }

    async fn bytes(&self, range: Range<u64>) -> Result<Bytes, Error> {
        (self.reads)(range)
    }
}

/// Returns the response for such content.
fn broken(reads: fn(Range<u64>) -> Result<Bytes, Error>) -> Response<Body> {
    let mut upload = Upload::new(UploadId::random());
    upload.offset = Offset::from(11);
    let content = Box::new(Broken { upload, reads });
    let share = Budget::default().open().unwrap();
    represent(&with([("if-match", "*")]), content, share)
}

#[tokio::test]
async fn without_a_time_of_change_there_are_no_validators() {
    let response = broken(|_| Ok(Bytes::from(TEXT)));
    assert_eq!(header(&response, "etag"), "");
    assert_eq!(header(&response, "last-modified"), "");
    assert_eq!(text(response).await, TEXT);
}

#[tokio::test]
async fn an_error_in_the_middle_ends_the_body_with_it() {
    let reads: [fn(Range<u64>) -> Result<Bytes, Error>; 3] = [
        |range| match range.start {
            0 => Ok(Bytes::from("hello")),
            _ => Err(Error::internal("the disk is broken")),
        },
        |range| Ok(Bytes::from(if range.start == 0 { "hello" } else { "" })),
        |range| {
            Ok(Bytes::from(if range.start == 0 {
                "hello"
            } else {
                "much too much"
            }))
        },
    ];
    for reads in reads {
        let mut body = broken(reads).into_body();
        let first = body.frame().await.unwrap().unwrap();
        assert_eq!(first.into_data().unwrap(), "hello");
        assert!(!body.is_end_stream());
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.code(), "ERR_INTERNAL_SERVER_ERROR");
        assert!(body.frame().await.is_none());
    }
}

#[tokio::test]
async fn nothing_is_read_before_it_is_asked_for() {
    static READS: Mutex<Vec<Range<u64>>> = Mutex::new(Vec::new());
    let response = broken(|range| {
        READS.lock().unwrap().push(range);
        Ok(Bytes::from_static(&TEXT.as_bytes()[..1]))
    });
    let mut body = response.into_body();
    assert_eq!(*READS.lock().unwrap(), []);
    let mut cx = std::task::Context::from_waker(Waker::noop());
    for asked in 1..=11 {
        let Poll::Ready(Some(Ok(_))) = Pin::new(&mut body).poll_frame(&mut cx) else {
            panic!("it is there");
        };
        assert_eq!(READS.lock().unwrap().len(), asked);
    }
    assert!(body.is_end_stream());
}

#[tokio::test]
async fn a_time_to_come_is_not_told() {
    #[derive(Debug)]
    struct FromTheFuture(Upload);

    #[async_trait]
    impl Content for FromTheFuture {
        fn upload(&self) -> &Upload {
            &self.0
        }

        fn modified(&self) -> Option<SystemTime> {
            Some(SystemTime::now() + SECOND * 1_000)
        }

        async fn bytes(&self, _: Range<u64>) -> Result<Bytes, Error> {
            unreachable!("it is empty")
        }
    }

    let content = FromTheFuture(Upload::new(UploadId::random()));
    let share = Budget::default().open().unwrap();
    let response = represent(&HeaderMap::new(), Box::new(content), share);
    let modified: LastModified = response.headers().typed_get().unwrap();
    let modified = SystemTime::from(modified);
    assert!(modified <= SystemTime::now() && modified > UNIX_EPOCH);
}

#[tokio::test]
async fn downloads_beyond_the_limit_are_told_to_come_back() {
    let store = MemoryStore::default();
    let id = upload(&store, &[], TEXT).await;
    let layer = DownloadLayer::new(Arc::new(store.clone())).max_open(1);
    // The budget belongs to the layer, however often a host applies it.
    let get = async || {
        let service = layer.layer(Core::new(store.clone()));
        service.oneshot(ask(&id)).await.unwrap()
    };
    let unread = get().await;
    let refused = get().await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header(&refused, "retry-after"), "5");
    let error: &Error = refused.extensions().get().unwrap();
    assert_eq!(error.code(), "ERR_TOO_MANY_DOWNLOADS");
    let mut body = unread.into_body();
    let piece = body.frame().await.unwrap().unwrap();
    assert_eq!(piece.into_data().unwrap(), TEXT);
    assert_eq!(get().await.status(), StatusCode::OK, "all of it was read");
}

#[tokio::test]
async fn an_unread_download_holds_a_small_piece_and_no_more() {
    const WHOLE: usize = 4 << 20;
    static LARGEST: Mutex<u64> = Mutex::new(0);
    let mut upload = Upload::new(UploadId::random());
    upload.offset = Offset::saturating(WHOLE as u64);
    let reads = |range: Range<u64>| {
        let length = range.end - range.start;
        let mut largest = LARGEST.lock().unwrap();
        *largest = length.max(*largest);
        Ok(Bytes::from(vec![0; length as usize]))
    };
    let content = Box::new(Broken { upload, reads });
    let share = Budget::default().open().unwrap();
    let mut body = represent(&HeaderMap::new(), content, share).into_body();
    let mut unread = Vec::new();
    while unread.len() < 16 {
        unread.push(body.frame().await.unwrap().unwrap());
    }
    assert_eq!(*LARGEST.lock().unwrap(), 8 << 10);
    drop(unread);
    let mut came = 16 * (8 << 10);
    while let Some(frame) = body.frame().await {
        came += frame.unwrap().into_data().unwrap().len();
    }
    assert_eq!(came, WHOLE);
    assert!(*LARGEST.lock().unwrap() > 128 << 10, "they grow when taken");
}
