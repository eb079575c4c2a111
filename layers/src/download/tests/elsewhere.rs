//! Content that clients download from another place.

use super::*;
use crate::download::redirect::redirect;

#[derive(Debug)]
struct Elsewhere {
    upload: Upload,
    url: Result<Option<Uri>, Error>,
}

#[async_trait]
impl Content for Elsewhere {
    fn upload(&self) -> &Upload {
        &self.upload
    }

    fn modified(&self) -> Option<SystemTime> {
        None
    }

    async fn bytes(&self, _: Range<u64>) -> Result<Bytes, Error> {
        panic!("nothing is read here")
    }

    async fn redirect(&self, headers: &HeaderMap) -> Result<Option<Uri>, Error> {
        assert_eq!(headers["content-type"], "text/plain");
        assert_eq!(headers["content-disposition"], "inline; filename=\"a.txt\"");
        self.url.clone()
    }
}

fn elsewhere(url: Result<Option<Uri>, Error>) -> Elsewhere {
    let mut upload = Upload::new(UploadId::random());
    let pairs = [("filename", "a.txt"), ("filetype", "text/plain")];
    upload.metadata = Metadata::from_pairs(pairs).unwrap();
    Elsewhere { upload, url }
}

#[tokio::test]
async fn a_client_is_sent_to_where_the_bytes_are_and_no_cache_keeps_that() {
    let url = Uri::from_static("https://b.example/a?signature=1");
    let response = redirect(&elsewhere(Ok(Some(url.clone())))).await;
    let response = response.unwrap().unwrap();
    assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(header(&response, "location"), url.to_string());
    assert_eq!(header(&response, "cache-control"), "no-store");
}

#[tokio::test]
async fn without_a_url_nobody_is_sent_away() {
    let response = redirect(&elsewhere(Ok(None))).await;
    assert!(response.unwrap().is_none());
    let failed = redirect(&elsewhere(Err(Error::NotFound))).await;
    assert!(matches!(failed, Err(Error::NotFound)));
}
