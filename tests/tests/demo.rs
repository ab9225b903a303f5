//! What `make demo` starts: the page answers, and a segment of each way out can be had.

use harness::{http, launch, manifests};
use rustix::process::Signal;

#[test]
fn the_demo_serves_every_way_out_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut server = launch::headend([
        "demo".as_ref(),
        "--dir".as_ref(),
        folder.path().as_os_str(),
        "--listen".as_ref(),
        "127.0.0.1:0".as_ref(),
    ])
    .start();
    // A job makes the sample; when that is done, it is found among the assets.
    let page = launch::wait_for("the sample", || {
        let page = server.get("/").expect(200);
        page.text().contains("/livesim/").then_some(page)
    });
    let links = |place: &str, manifest: &str| {
        let text = page.text();
        let found = text.match_indices(place).find_map(|(at, _)| {
            let path = text[at..].split(['"', '\'', '<', '&', ' ']).next()?;
            path.ends_with(manifest).then(|| path.to_owned())
        });
        found.unwrap_or_else(|| panic!("no {place}…{manifest} on the page: {text}"))
    };
    for place in ["/vod/", "/livesim/"] {
        let mpd = links(place, ".mpd");
        manifests::mpd(&server, &mpd);
        let (_, playlists) = manifests::multivariant(&server, &links(place, ".m3u8"));
        assert!(
            playlists.len() >= 3,
            "several bit rates and sound: {playlists:?}"
        );
        for url in playlists {
            let playlist = manifests::playlist(&url);
            http::get(&playlist.listed.init).send();
            let segment = playlist.listed.segments.last().expect("a segment").get();
            assert!(matches!(segment.status, 200 | 206), "{segment:?}");
            assert!(segment.body.len() > 1000, "{segment:?}");
        }
        // The MPD by `$Time$` names segments of its own.
        if place == "/livesim/" {
            let path = mpd.replacen("/livesim/", "/livesim/segtimeline_1/", 1);
            let mpd = manifests::mpd(&server, &path);
            for track in manifests::timelines(&mpd, &server.url(&path)) {
                track.segments.last().expect("a segment").get().expect(200);
            }
        }
    }
    let page_url = &server.base;
    assert!(
        server.said().contains(page_url.as_str()),
        "the URL is printed"
    );

    let children = launch::descendants(server.guard.pid());
    server.guard.signal(Signal::TERM);
    assert_eq!(server.guard.wait().code(), Some(0), "{}", server.said());
    assert!(
        !children.iter().any(|(pid, _)| launch::lives(*pid)),
        "{children:?}"
    );
}
