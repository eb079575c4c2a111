//! `ChangeFileInfo.Storage` of a hook's response: where the bytes of an upload go.

use std::collections::BTreeMap;

use tower_tus_layers::hooks::Reply;

/// The members, for a message.
pub(super) const NAMES: &str = "Path, Key, Bucket, ContentType, ContentDisposition, \
                                CacheControl, StorageClass, Metadata and Tags";

/// Reads the members into a reply, or returns the name of one that does not exist.
pub(super) fn read(storage: BTreeMap<String, String>, reply: &mut Reply) -> Result<(), String> {
    let object = &mut reply.object;
    for (name, value) in storage {
        let place = match &*name {
            "Path" => &mut reply.storage_path,
            "Key" => &mut object.key,
            "Bucket" => &mut object.bucket,
            "ContentType" => &mut object.content_type,
            "ContentDisposition" => &mut object.content_disposition,
            "CacheControl" => &mut object.cache_control,
            "StorageClass" => &mut object.storage_class,
            // Which the event has, too.
            "Type" | "InfoPath" => continue,
            _ => {
                let (pairs, key) = match name.split_once('.') {
                    Some(("Metadata", key)) => (&mut object.metadata, key),
                    Some(("Tags", key)) => (&mut object.tags, key),
                    _ => return Err(name),
                };
                pairs.insert(key.to_owned(), value);
                continue;
            }
        };
        *place = Some(value).filter(|value| !value.is_empty());
    }
    Ok(())
}
