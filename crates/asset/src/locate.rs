//! From the URLs that manifests hold to files. Does not touch the file system.

use std::path::{Component, Path, PathBuf};

use media::url;

/// Resolves `reference` against `base`, both relative to a manifest in `folder`, to a path. Queries
/// and fragments are dropped, percent escapes decoded, dot segments removed. The error is the
/// reason why it names no local file.
pub(crate) fn resolve(folder: &Path, base: &str, reference: &str) -> Result<PathBuf, String> {
    let joined = url::join(base, reference).map_err(|error| error.to_string())?;
    let relative = joined.split(['?', '#']).next().unwrap_or_default();
    let decoded = percent_decode(relative)
        .ok_or_else(|| format!("`{reference}` has a broken percent escape"))?;
    if decoded.is_empty() {
        return Err("an empty URL names no file".to_owned());
    }
    let mut path = folder.to_path_buf();
    for component in Path::new(&decoded).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                path.pop();
            }
            Component::RootDir | Component::Prefix(_) => {
                return Err(format!("`{reference}` is an absolute path"));
            }
        }
    }
    Ok(path)
}

/// Decodes `%XX`; none when an escape is broken or the result is not UTF-8 or holds a NUL.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            out.push((high * 16 + low) as u8);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out)
        .ok()
        .filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_become_paths() {
        let folder = Path::new("/root/asset");
        let cases = [
            ("", "V300/1.m4s", "/root/asset/V300/1.m4s"),
            ("video/", "./1.m4s?x=1", "/root/asset/video/1.m4s"),
            ("video/file.mp4", "", "/root/asset/video/file.mp4"),
            ("video/file.mp4", "other.mp4", "/root/asset/video/other.mp4"),
            ("", "../shared/a%20b.mp4", "/root/shared/a b.mp4"),
        ];
        for (base, reference, want) in cases {
            let path = resolve(folder, base, reference);
            assert_eq!(path.as_deref(), Ok(Path::new(want)));
        }
    }

    #[test]
    fn what_is_no_local_file_is_refused() {
        let folder = Path::new("/root/asset");
        for reference in [
            "https://cdn.example/a.mp4",
            "/a.mp4",
            "a%2",
            "a%00",
            "%2Fetc/passwd",
            "",
        ] {
            assert!(resolve(folder, "", reference).is_err(), "{reference}");
        }
    }
}
