//! The object store.

use std::time::Duration;

use tower_tus::store::ObjectStore;
use tower_tus::store::object::{Azure, Gcs, Missing, S3, SettingsError};

use crate::error::{StartError, in_full};
use crate::flags::{AzureFlags, Download, Flags, GcsFlags, Locks, METRICS_PREFIX, Place, S3Flags};

/// How long a client may take to begin a download to whose URL it is redirected.
const VALID: Duration = Duration::from_secs(15 * 60);

/// The store that the flags describe. Nothing is sent yet.
pub(super) fn store(flags: &Flags) -> Result<ObjectStore, StartError> {
    let (store, prefix) = match flags.place() {
        Place::Gcs => (gcs(&flags.gcs), &flags.gcs.gcs_object_prefix),
        Place::Azure => (
            ObjectStore::azure(&azure(&flags.azure)),
            &flags.azure.azure_object_prefix,
        ),
        Place::S3 | Place::Directory => (s3(&flags.s3), &flags.s3.s3_object_prefix),
    };
    let store = store.map_err(|error| StartError::unusable(cannot_use(flags), error))?;
    let store = store
        .prefix(&directory(prefix))
        .part_size(flags.s3.s3_part_size)
        .parts_at_once(flags.s3.s3_concurrent_part_uploads)
        .memory(flags.s3.s3_memory);
    let store = with_properties(store, &flags.s3);
    let store = match storage_class(flags) {
        class if class.is_empty() => store,
        class => store.storage_class(class),
    };
    if let Err(error) = store.check_properties() {
        return Err(StartError::unusable(cannot_use(flags), in_full(&error)));
    }
    let store = match flags.s3.s3_download {
        Download::Proxy => store,
        Download::Redirect => store.redirect_downloads(VALID),
    };
    let store = match flags.s3.s3_log_api_calls {
        true => store.log_calls(),
        false => store,
    };
    Ok(match flags.metrics.expose_metrics {
        true => store.metrics(METRICS_PREFIX),
        false => store,
    })
}

fn with_properties(mut store: ObjectStore, flags: &S3Flags) -> ObjectStore {
    store = store.metadata_keys(flags.s3_metadata.0.iter().cloned());
    if !flags.s3_cache_control.is_empty() {
        store = store.cache_control(&flags.s3_cache_control);
    }
    if !flags.s3_content_disposition.is_empty() {
        store = store.content_disposition(&flags.s3_content_disposition);
    }
    let tags = flags.s3_tags.0.iter();
    tags.fold(store, |store, tag| store.tag(&tag.name, &tag.value))
}

/// The storage class of objects: in Azure, where it is called a tier, of a flag of its own.
fn storage_class(flags: &Flags) -> String {
    let tier = &flags.azure.azure_blob_access_tier;
    match flags.place() {
        Place::Azure if !tier.is_empty() => capitalized(tier),
        _ => flags.s3.s3_storage_class.clone(),
    }
}

/// Writes `cool` like Azure does: `Cool`.
fn capitalized(tier: &str) -> String {
    let mut chars = tier.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// Like tusd, which puts a slash behind a prefix that has none.
fn directory(prefix: &str) -> String {
    match prefix.is_empty() || prefix.ends_with('/') {
        true => prefix.to_owned(),
        false => format!("{prefix}/"),
    }
}

fn s3(flags: &S3Flags) -> Result<ObjectStore, SettingsError> {
    let mut s3 = S3::new(&flags.s3_bucket)
        .min_part_size(flags.s3_min_part_size)
        .max_parts(flags.s3_max_parts);
    if !flags.s3_endpoint.is_empty() {
        s3 = s3.endpoint(&flags.s3_endpoint);
    }
    if flags.s3_equal_parts {
        s3 = s3.equal_parts();
    }
    if flags.s3_disable_content_hashes {
        s3 = s3.without_content_hashes();
    }
    if flags.s3_disable_ssl {
        s3 = s3.without_tls();
    }
    if flags.s3_skip_verify {
        s3 = s3.accept_any_certificate();
    }
    if flags.s3_transfer_acceleration {
        s3 = s3.accelerate();
    }
    for bucket in &flags.s3_buckets.0 {
        s3 = s3.allow_bucket(bucket);
    }
    s3 = match &*flags.s3_encryption {
        "" => s3,
        "AES256" => s3.encrypt(),
        key => s3.encrypt_with_kms(key),
    };
    ObjectStore::s3(&s3)
}

fn gcs(flags: &GcsFlags) -> Result<ObjectStore, SettingsError> {
    let mut gcs = Gcs::new(&flags.gcs_bucket);
    if !flags.gcs_endpoint.is_empty() {
        gcs = gcs.endpoint(&flags.gcs_endpoint);
    }
    ObjectStore::gcs(&gcs)
}

fn azure(flags: &AzureFlags) -> Azure {
    let mut azure = Azure::new(&flags.azure_storage);
    if !flags.azure_endpoint.is_empty() {
        azure = azure.endpoint(&flags.azure_endpoint);
    }
    azure
}

/// Makes the container of Azure, unless it exists, as tusd does.
pub(super) async fn create_container(flags: &Flags) -> Result<(), StartError> {
    if flags.place() != Place::Azure {
        return Ok(());
    }
    let access = flags.azure.azure_container_access_type;
    let made = azure(&flags.azure).create_container(access).await;
    made.map_err(|error| StartError::unusable(cannot_use(flags), in_full(&*error)))
}

/// Fails if the bucket cannot be used, or does not keep what uploads rely on.
pub(super) async fn probe(store: &ObjectStore, flags: &Flags) -> Result<(), StartError> {
    let cannot_use = || cannot_use(flags);
    let missing = store.probe().await;
    let missing = missing.map_err(|error| StartError::unusable(cannot_use(), in_full(&*error)))?;
    for missing in missing {
        if !is_bearable(missing, flags.locks()) {
            let advice = advice(missing);
            return Err(StartError::unusable(
                cannot_use(),
                format!("{missing}{advice}"),
            ));
        }
        tracing::warn!(
            "{}",
            format!("the object store is not safe for several servers: {missing}")
        );
    }
    Ok(())
}

/// Whether one server alone, which keeps its locks to itself, can do without it.
fn is_bearable(missing: Missing, locks: Locks) -> bool {
    locks == Locks::Memory && !matches!(missing, Missing::PartGaps)
}

fn advice(missing: Missing) -> &'static str {
    match missing {
        Missing::PartGaps => "",
        _ => "; with -locks=memory it can be used by one server alone",
    }
}

fn cannot_use(flags: &Flags) -> String {
    let (kind, name) = match flags.place() {
        Place::Azure => ("container", &flags.azure.azure_storage),
        Place::Gcs => ("bucket", &flags.gcs.gcs_bucket),
        Place::S3 | Place::Directory => ("bucket", &flags.s3.s3_bucket),
    };
    format!("cannot use the {kind} {name}")
}
