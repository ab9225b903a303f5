//! Local files: used where they lie.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use store::{
    digest::{self, Digest},
    mapped::modified_ns,
};

use super::{Begun, Context, Error, Fetched, Options, Progress};

/// How many places of a file are looked at.
const SAMPLES: u64 = 64;
/// Bytes that are read at each.
const SAMPLE: u64 = 64 << 10;

/// Looks at a file.
pub(super) fn fetch(
    path: &Path,
    options: &Options,
    context: Context<'_>,
) -> Result<Fetched, Error> {
    let place = path.display().to_string();
    let unreadable = |error: io::Error| Error::Unreadable {
        place: place.clone(),
        reason: error.to_string(),
    };
    let path = path.canonicalize().map_err(unreadable)?;
    let metadata = std::fs::metadata(&path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(unreadable(io::Error::other("not a regular file")));
    }
    let bytes = metadata.len();
    if let Some(most) = options.limits.bytes.filter(|most| bytes > *most) {
        return Err(Error::TooLarge { place, bytes, most });
    }
    let sha256 = match &options.checksum {
        Some(wanted) => {
            let (_, found) = digest::of_file(&path).map_err(unreadable)?;
            Error::checksum(&place, &found, Some(wanted))?;
            Some(found)
        }
        None => None,
    };
    let content_id = content_id(&path).map_err(unreadable)?;
    if let Some(growth) = context.growth {
        let begun = Begun {
            path: path.clone(),
            content_id: Some(content_id.clone()),
            bytes: Some(bytes),
            version: 0,
        };
        growth.begin(begun, false);
        growth.grow(bytes);
    }
    (context.progress)(Progress {
        bytes,
        of_bytes: Some(bytes),
        waiting: None,
    });
    Ok(Fetched {
        path,
        bytes,
        content_id,
        sha256,
        transferred: 0,
        unconfirmed: false,
    })
}

/// Returns what a file is known by: its length, the time of its last change, and its bytes at 64
/// places from its beginning to its end. Reading all of it would take minutes before anything else
/// begins; who changes a film in place and sets its time back deceives himself.
pub fn content_id(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let length = metadata.len();
    let mut digest = Digest::default();
    digest.field("headend file 1");
    digest.field(&length.to_string());
    digest.field(&modified_ns(&metadata).to_string());
    let mut sample = Vec::with_capacity(SAMPLE as usize);
    let last = length.saturating_sub(SAMPLE);
    let mut before = None;
    for n in 0..SAMPLES {
        let at = (u128::from(last) * u128::from(n) / u128::from(SAMPLES - 1)) as u64;
        if before == Some(at) {
            continue;
        }
        before = Some(at);
        file.seek(SeekFrom::Start(at))?;
        sample.clear();
        (&mut file).take(SAMPLE).read_to_end(&mut sample)?;
        digest.update(&sample);
    }
    Ok(digest.hex())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::FileTimes,
        time::{Duration, SystemTime},
    };

    use super::*;

    fn write(path: &Path, bytes: &[u8], seconds: u64) {
        std::fs::write(path, bytes).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let file = File::options().append(true).open(path).unwrap();
        file.set_times(FileTimes::new().set_modified(time)).unwrap();
    }

    #[test]
    fn a_file_is_known_by_its_content_and_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film");
        let mut bytes = vec![7; 10 << 20];
        let id = |bytes: &[u8], seconds| {
            write(&path, bytes, seconds);
            content_id(&path).unwrap()
        };
        let first = id(&bytes, 1);
        assert_eq!(id(&bytes, 1), first);
        assert_ne!(id(&bytes, 2), first, "another time");
        assert_ne!(id(&bytes[1..], 1), first, "another length");
        for at in [0, 65_535, bytes.len() - 1] {
            bytes[at] ^= 1;
            assert_ne!(id(&bytes, 1), first, "byte {at}");
            bytes[at] ^= 1;
        }
        for few in [&b""[..], b"x"] {
            assert_eq!(id(few, 1), id(few, 1));
        }
    }
}
