//! The least that a scan must know of a playlist. Not a parser: `media::hls::read` is.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use crate::locate;

/// More than this of a playlist is not looked at.
const MAX_BYTES: u64 = 8 << 20;

/// An HLS playlist.
pub(super) struct Glance {
    /// Whether it names other playlists.
    pub(super) multivariant: bool,
    /// The local files that a multivariant playlist names.
    pub(super) named: Vec<PathBuf>,
}

/// Looks into a file; none when it is no HLS playlist, such as a list of songs.
pub(super) fn read(path: &Path) -> Option<Glance> {
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(MAX_BYTES)
        .read_to_end(&mut bytes)
        .ok()?;
    glance(&String::from_utf8_lossy(&bytes), path.parent()?)
}

fn glance(text: &str, folder: &Path) -> Option<Glance> {
    if !text.contains("#EXT-X-") {
        return None;
    }
    let multivariant = text.contains("#EXT-X-STREAM-INF") || text.contains("#EXT-X-MEDIA:");
    let named = if multivariant {
        text.lines()
            .filter_map(uri_of_line)
            .filter_map(|uri| locate::resolve(folder, "", uri).ok())
            .collect()
    } else {
        Vec::new()
    };
    Some(Glance {
        multivariant,
        named,
    })
}

fn uri_of_line(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.starts_with('#') {
        let (_, after) = line.split_once("URI=\"")?;
        return after.split('"').next();
    }
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn playlists_are_told_from_lists_of_songs() {
        let folder = Path::new("/c");
        assert!(glance("#EXTM3U\n#EXTINF:123,Song\nsong.mp3\n", folder).is_none());
        let media = glance(
            "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.m4s\n",
            folder,
        );
        assert!(media.is_some_and(|list| !list.multivariant && list.named.is_empty()));
    }

    #[test]
    fn a_multivariant_playlist_names_its_parts() {
        let text = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"a/p.m3u8?x=1\"\n\
                    #EXT-X-STREAM-INF:BANDWIDTH=1\r\nv%201/p.m3u8\r\n";
        let list = glance(text, Path::new("/c")).expect("HLS");
        assert!(list.multivariant);
        assert_eq!(
            list.named,
            [Path::new("/c/a/p.m3u8"), Path::new("/c/v 1/p.m3u8")]
        );
    }
}
