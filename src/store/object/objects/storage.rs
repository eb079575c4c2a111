/// Where a bucket is, in the words of tusd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Storage {
    kind: &'static str,
    /// What the cloud calls a bucket.
    word: &'static str,
    bucket: String,
}

impl Storage {
    pub(crate) fn s3(bucket: impl Into<String>) -> Self {
        Self::new("s3store", "Bucket", bucket)
    }

    pub(crate) fn gcs(bucket: impl Into<String>) -> Self {
        Self::new("gcsstore", "Bucket", bucket)
    }

    pub(crate) fn azure(container: impl Into<String>) -> Self {
        Self::new("azurestore", "Container", container)
    }

    fn new(kind: &'static str, word: &'static str, bucket: impl Into<String>) -> Self {
        Self {
            kind,
            word,
            bucket: bucket.into(),
        }
    }

    /// Returns the name of the bucket.
    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Describes the object with this key, for hooks.
    pub(crate) fn describe(&self, key: &str) -> [(&'static str, String); 3] {
        [
            (self.word, self.bucket.clone()),
            ("Key", key.to_owned()),
            ("Type", self.kind.to_owned()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cloud_is_described_as_tusd_does() {
        for (storage, kind, word) in [
            (Storage::s3("b"), "s3store", "Bucket"),
            (Storage::gcs("b"), "gcsstore", "Bucket"),
            (Storage::azure("b"), "azurestore", "Container"),
        ] {
            let expected = [(word, "b"), ("Key", "up/a"), ("Type", kind)];
            let described = storage.describe("up/a");
            let described = described.each_ref().map(|(name, value)| (*name, &**value));
            assert_eq!(described, expected);
        }
    }
}
