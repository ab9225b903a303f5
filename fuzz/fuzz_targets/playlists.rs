//! HLS playlists, multivariant and media: no text makes the readers panic, and no segment refers to
//! an init segment that is not there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::hls::read;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = read::is_multivariant(text);
    let _ = read::multivariant(text);
    if let Ok(playlist) = read::media(text) {
        for segment in &playlist.segments {
            assert!(segment.map.is_none_or(|map| map < playlist.maps.len()));
        }
    }
});
