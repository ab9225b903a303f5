//! Manifests of a version, shown from the folder above it.

/// Changes a manifest so that it means the same when it is read from the folder above the one that
/// it lies in, which is called `folder`: relative URLs of a playlist get the name of the folder, an
/// MPD gets a `BaseURL`.
pub fn in_folder(text: &str, folder: &str) -> String {
    if text.starts_with("#EXTM3U") {
        playlist(text, folder)
    } else {
        mpd(text, folder)
    }
}

/// URLs stand on lines of their own and in attributes called `URI` (RFC 8216bis, 4).
fn playlist(text: &str, folder: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    for line in text.lines() {
        if line.starts_with('#') {
            attribute(line, folder, &mut out);
        } else {
            url(line, folder, &mut out);
        }
        out.push('\n');
    }
    out
}

fn attribute(line: &str, folder: &str, out: &mut String) {
    const URI: &str = "URI=\"";
    let mut rest = line;
    while let Some(at) = rest.find(URI) {
        let (before, after) = rest.split_at(at + URI.len());
        out.push_str(before);
        let end = after.find('"').unwrap_or(after.len());
        url(&after[..end], folder, out);
        rest = &after[end..];
    }
    out.push_str(rest);
}

/// Writes a URL, below the folder if it is a relative path (RFC 3986, 4.2).
fn url(url: &str, folder: &str, out: &mut String) {
    let first = url.split(['/', '?', '#']).next().unwrap_or_default();
    let is_path = !first.is_empty() && !first.contains(':');
    if is_path {
        out.push_str(folder);
        out.push('/');
    }
    out.push_str(url);
}

/// A `BaseURL` of the MPD stands before its Periods (ISO/IEC 23009-1, 5.3.1.3).
fn mpd(text: &str, folder: &str) -> String {
    let Some(at) = text.find("<Period") else {
        return text.to_owned();
    };
    let (before, after) = text.split_at(at);
    format!("{before}<BaseURL>{folder}/</BaseURL>\n  {after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const V: &str = "v-0123456789ab";

    #[test]
    fn playlists_name_what_lies_in_the_folder() {
        let text = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a0/playlist.m3u8\",NAME=\"x\"\n\
                    #EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI=\"skd://key\"\n\
                    #EXT-X-STREAM-INF:BANDWIDTH=1\nv0/playlist.m3u8?x=a:b\n\
                    https://cdn.example/x.m3u8\n/abs.m3u8\n\n";
        let expected = "#EXTM3U\n\
                        #EXT-X-MEDIA:TYPE=AUDIO,URI=\"v-0123456789ab/a0/playlist.m3u8\",NAME=\"x\"\n\
                        #EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI=\"skd://key\"\n\
                        #EXT-X-STREAM-INF:BANDWIDTH=1\nv-0123456789ab/v0/playlist.m3u8?x=a:b\n\
                        https://cdn.example/x.m3u8\n/abs.m3u8\n\n";
        assert_eq!(in_folder(text, V), expected);
    }

    #[test]
    fn mpds_get_a_base() {
        let text = "<?xml version=\"1.0\"?>\n<MPD>\n  <Period id=\"1\"/>\n</MPD>\n";
        let expected = "<?xml version=\"1.0\"?>\n<MPD>\n  <BaseURL>v-0123456789ab/</BaseURL>\n  \
                        <Period id=\"1\"/>\n</MPD>\n";
        assert_eq!(in_folder(text, V), expected);
        assert_eq!(in_folder("no manifest", V), "no manifest");
    }
}
