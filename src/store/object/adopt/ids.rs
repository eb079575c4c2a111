//! tusd's ids of uploads in S3: `<object id>+<multipart id>`. The keys come from the
//! object id alone.

use tower_tus_layers::protocol::UploadId;

use crate::store::object::keys::Keys;

/// Returns the keys under which an upload with this id may be: its own first, then those
/// of tusd.
pub(in super::super) fn places(
    prefix: &str,
    id: &UploadId,
) -> impl Iterator<Item = (UploadId, Keys)> {
    let of_tusd = split(id.as_str()).and_then(|(object, _)| object.parse().ok());
    let places = [Some(id.clone()), of_tusd].into_iter().flatten();
    places.map(move |id| {
        let keys = Keys::new(prefix, &id);
        (id, keys)
    })
}

/// Returns the id of the upload whose state is under the keys of `place` and names the
/// id `recorded`.
pub(in super::super) fn id_at(place: &UploadId, recorded: &str) -> UploadId {
    let recorded = split(recorded)
        .filter(|(object, _)| *object == place.as_str())
        .and_then(|_| recorded.parse().ok());
    recorded.unwrap_or_else(|| place.clone())
}

/// Returns the beginning of an id, or of a part of it, that the keys of tusd have.
pub(in super::super) fn before_multipart(prefix: &str) -> &str {
    prefix.rsplit_once('+').map_or(prefix, |(object, _)| object)
}

/// Returns the object id and the multipart id. A multipart id has no `+`.
pub(super) fn split(id: &str) -> Option<(&str, &str)> {
    let (object, multipart) = id.rsplit_once('+')?;
    let is_valid = !object.is_empty() && !multipart.is_empty() && !multipart.contains('/');
    is_valid.then_some((object, multipart))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infos(id: &str) -> Vec<String> {
        let id = id.parse().unwrap();
        let places = places("up/", &id);
        places.map(|(_, keys)| keys.info()).collect()
    }

    #[test]
    fn an_id_of_tusd_is_looked_for_under_its_object_id_as_well() {
        assert_eq!(infos("a/b"), ["up/a/b.info"]);
        assert_eq!(infos("a+b+c"), ["up/a+b+c.info", "up/a+b.info"]);
        // Of AWS, Ceph and versitygw.
        for multipart in [
            "ibZBv_75gd9r8lH_gqXatLdxMVpAlj6ZQjEs.OwyF3953YdwbcQnMA2BLGn8Lx12fQNICtMw5KyteFeHw.Sj--",
            "2~pqOvLKvGBpDKkJIDHLE3dKDCHYv1J2N",
            "0b0bd9a1-3c4a-4c1e-9f0a-0a3f5f8f2b11",
        ] {
            assert_eq!(infos(&format!("a/b+{multipart}"))[1], "up/a/b.info");
        }
        for id in ["+b", "a+", "a+/b", "a+b/c"] {
            assert_eq!(infos(id).len(), 1, "{id}");
        }
    }

    #[test]
    fn a_state_of_tusd_is_that_of_the_id_in_it_alone() {
        let id_at = |place: &str, recorded| id_at(&place.parse().unwrap(), recorded).to_string();
        assert_eq!(id_at("a", "a+b"), "a+b");
        assert_eq!(id_at("a+b", "a+b"), "a+b");
        assert_eq!(id_at("a", "a"), "a");
        assert_eq!(id_at("a", ""), "a");
        assert_eq!(id_at("a", "c+b"), "a", "somebody has copied it");
        assert_eq!(id_at("a", "a+b c"), "a", "no client can name it");
    }
}
