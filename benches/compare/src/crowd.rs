//! Uploads that are already there when a server starts.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::floor::info::Info;

/// What an `.info` takes on a file system with blocks of 4 KiB, and some more.
const EACH: u64 = 5 << 10;

/// Fills a directory with unfinished uploads without bytes.
pub(crate) fn fill(data: &Path, uploads: u64) -> Result<()> {
    fs::create_dir_all(data)?;
    let disk = rustix::fs::statvfs(data)?;
    let (inodes, bytes) = (uploads * 2, uploads * EACH);
    if disk.f_favail < inodes || disk.f_bavail * disk.f_frsize < bytes {
        let gib = bytes >> 30;
        return Err(format!("{uploads} uploads need {inodes} inodes and {gib} GiB").into());
    }
    (0..uploads).try_for_each(|index| {
        // Spread over the directory like random ids.
        let id = u128::from(index).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        make(data, &format!("{id:032x}"), 4096).map(drop)
    })
}

/// Makes an upload that has its first `offset` bytes, which are a hole, and returns its
/// path on a server.
pub(crate) fn sparse(data: &Path, offset: u64, length: u64) -> Result<String> {
    let id = format!("{offset:032x}");
    make(data, &id, length)?.set_len(offset)?;
    Ok(["/files/", &id].concat())
}

/// Makes an upload without bytes, and returns its path on a server.
pub(crate) fn empty(data: &Path, id: &str, length: u64) -> Result<String> {
    make(data, id, length)?;
    Ok(["/files/", id].concat())
}

fn make(data: &Path, id: &str, length: u64) -> Result<fs::File> {
    let path = data.join(id);
    let info = data.join([id, ".info"].concat());
    let document = Info::new(id, length, &path, &info);
    fs::write(&info, serde_json::to_vec(&document)?)?;
    Ok(fs::File::create_new(&path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_a_data_file_and_an_info_for_each_upload() {
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path(), 50).unwrap();
        let path = sparse(dir.path(), 7 << 30, 9 << 30).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 102);
        let id = path.strip_prefix("/files/").unwrap();
        let data = fs::metadata(dir.path().join(id)).unwrap();
        assert_eq!(data.len(), 7 << 30);
        assert!(fill(dir.path(), u64::MAX >> 13).is_err());
    }
}
