use serde_json::json;

use super::*;

fn form(value: &Value) -> Form {
    let part = |key: &str| value.get(key).cloned().unwrap_or_else(|| json!({}));
    Form {
        templates: serde_json::from_value(part("templates")).unwrap(),
        feeds: serde_json::from_value(part("feeds")).unwrap(),
        streams: serde_json::from_value(part("streams")).unwrap(),
        ..Form::default()
    }
}

fn config(value: &Value) -> Config {
    Config::of(&form(value)).unwrap()
}

fn faults(value: &Value) -> Vec<String> {
    let faults = Config::of(&form(value)).unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_configuration_of_voyandz_is_read() {
    let config = config(&json!({
        "feeds": {
            "cam": { "command": "ffmpeg -i /dev/video0 -f mpegts pipe:1", "mode": 10 },
            "small": { "command": "ffmpeg -i pipe:0 -f mpegts pipe:1", "feed": "cam" }
        },
        "streams": {
            "jpeg": {
                "command": "ffmpeg -i pipe:0 -f mpjpeg -boundary_tag b pipe:1",
                "type": "stream",
                "mimetype": "multipart/x-mixed-replace;boundary=b",
                "feed": "small",
                "url": "/cameras/front/live.mjpeg"
            },
            "shot": { "command": "fswebcam -", "type": "shot", "mimetype": "image/jpeg" },
            "own": { "command": "cat", "type": "stream", "mimetype": "audio/wav", "feed": "cam",
                     "client": "exclusive" }
        }
    }));
    assert_eq!(config.feeds["cam"].mode, Mode::Linger(Span::seconds(10)));
    let small = &config.feeds["small"];
    let Origin::Command(command) = &small.origin else {
        panic!("{small:?}")
    };
    assert_eq!(command.stdin.as_deref(), Some("cam"));
    let jpeg = &config.streams["jpeg"];
    assert_eq!(jpeg.urls, ["cameras/front/live.mjpeg"]);
    assert!(matches!(jpeg.what, What::Shared(_)));
    assert!(matches!(config.streams["shot"].what, What::Shot(..)));
    assert!(matches!(config.streams["own"].what, What::Exclusive(_)));
}

#[test]
fn everything_that_is_wrong_is_found_at_once() {
    let found = faults(&json!({
        "feeds": {
            "a": { "command": "cat 'x", "feed": "none" },
            "b": { "command": "cat", "feed": "c" },
            "c": { "command": "cat", "feed": "b" },
            "d": {},
            "e": { "command": "x", "source": "push" },
            "f": { "source": "gopher://x" },
            "": { "command": "x" },
            "g": { "command": "x {feed:v}" },
            "h": { "command": "x", "format": "avi" }
        },
        "streams": {
            "a": { "command": "cat", "feed": "nobody" },
            "b": { "feed": "b", "url": "stat" },
            "c": { "feed": "b", "url": ["x/y", "/stream/a"] },
            "d": { "feed": "b", "url": "/x/y" },
            "e/f": { "feed": "b" },
            "g": {},
            "h": { "feed": "b", "client": "exclusive" },
            "i": { "command": "x", "type": "stream", "mimetype": "a\nb" },
            "j": { "template": "none" }
        }
    }));
    for (key, text) in [
        ("feeds.a.command", "the quote"),
        ("feeds.a.feed", "no feed `none`"),
        ("feeds.b.feed", "made of itself"),
        ("feeds.c.feed", "made of itself"),
        ("feeds.d", "needs a `command`"),
        ("feeds.e.source", "not both"),
        ("feeds.f.source", "no source"),
        ("feeds.", "at least one character"),
        ("feeds.g.command", "not among `feeds`"),
        ("feeds.h.format", "no format"),
        ("streams.a.feed", "no feed `nobody`"),
        ("streams.a", "`type` is missing"),
        ("streams.a", "`mimetype` is missing"),
        ("streams.b.url", "kept for the server"),
        ("streams.c.url", "`/stream/a` is kept"),
        ("streams.d.url", "is the path of the stream `c`"),
        ("streams.e/f", "no `/`"),
        ("streams.g", "needs a `command` or a `feed`"),
        ("streams.h.client", "for oneself"),
        ("streams.i.mimetype", "no content type"),
        ("streams.j.template", "no template"),
    ] {
        let is_it =
            |fault: &&String| fault.starts_with(&format!("{key}: ")) && fault.contains(text);
        assert!(
            found.iter().any(|it| is_it(&it)),
            "{key}: {text}\n{found:#?}"
        );
    }
    assert_eq!(found.len(), 21, "{found:#?}");
}

#[test]
fn a_request_gets_no_value_where_it_could_do_harm() {
    let stream = |command: &str| {
        json!({ "streams": { "s": {
            "command": command, "type": "shot", "mimetype": "image/png",
            "query": { "q": { "int": [1, 9], "default": 1 } }
        } } })
    };
    assert!(Config::of(&form(&stream("ffmpeg -s {query:q}x9 -i in.mp4 out.png"))).is_ok());
    for command in [
        "sh -c 'echo {query:q}'",
        "/bin/bash -c {query:q}",
        "python3.11 -c 'print({query:q})'",
        "env -S {query:q}",
        "{query:q} x",
        "ffmpeg -i {query:q} out.png",
        "ffmpeg -vf scale={query:q} out.png",
        "ffmpeg -filter:v:0 {query:q} out.png",
        "ffmpeg -i in.mp4 {query:q}.png",
        "ffmpeg -s {query:other} -i in.mp4 out.png",
    ] {
        let found = faults(&stream(command));
        assert_eq!(found.len(), 1, "{command}: {found:?}");
    }
}

#[test]
fn templates_and_sets_come_to_what_could_be_written_out() {
    let short = config(&json!({
        "templates": { "tile": {
            "parameters": { "size": "320x180", "tag": null },
            "command": "ffmpeg -i pipe:0 -s {size} -metadata 'title={tag}' -f mpegts pipe:1",
            "type": "stream", "mimetype": "video/mp2t"
        } },
        "feeds": { "cam{n}": { "for_each": { "n": [1, 2] }, "command": "source --number {n}" } },
        "streams": { "tile{n}": {
            "for_each": [{ "n": 1, "who": "a b" }, { "n": 2, "who": "it's" }],
            "template": "tile", "with": { "tag": "of {who}" }, "feed": "cam{n}", "url": "/t/{n}"
        } }
    }));
    let long = config(&json!({
        "feeds": {
            "cam1": { "command": "source --number 1" },
            "cam2": { "command": "source --number 2" }
        },
        "streams": {
            "tile1": { "command": "ffmpeg -i pipe:0 -s 320x180 -metadata 'title=of a b' -f mpegts pipe:1",
                       "type": "stream", "mimetype": "video/mp2t", "feed": "cam1", "url": "/t/1" },
            "tile2": { "command": "ffmpeg -i pipe:0 -s 320x180 -metadata \"title=of it's\" -f mpegts pipe:1",
                       "type": "stream", "mimetype": "video/mp2t", "feed": "cam2", "url": "/t/2" }
        }
    }));
    assert_eq!(short.resolved(), long.resolved());
    // What is shown comes to the same.
    assert_eq!(config(&short.resolved()), short);
}

#[test]
fn what_a_template_wants_has_to_be_given() {
    let templates = json!({ "t": { "parameters": { "a": null }, "command": "x {a}" } });
    for (entry, text) in [
        (
            json!({ "template": "t" }),
            "`a` of the template is not given",
        ),
        (
            json!({ "template": "t", "with": { "b": 1 } }),
            "no parameter `b`",
        ),
        (
            json!({ "template": "t", "for_each": { "n": [] } }),
            "makes 0 entries",
        ),
        (
            json!({ "command": "x", "for_each": { "n": [1, 2] } }),
            "is there twice",
        ),
    ] {
        let found = faults(&json!({ "templates": templates, "feeds": { "f": entry } }));
        assert!(found.len() == 1 && found[0].contains(text), "{found:?}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let config = config(&json!({
        "feeds": { "f": { "source": "push", "auth": { "users": { "u": "hidden1" }, "token": "hidden2" } },
                   "g": { "command": "ffmpeg -i rtsp://user:hidden3@cam/ -f mpegts -" } },
        "streams": { "s": { "feed": "f", "auth": { "token": "hidden4" } } }
    }));
    let shown = config.resolved().to_string();
    assert!(
        !shown.contains("hidden") && shown.contains("***@cam"),
        "{shown}"
    );
}
