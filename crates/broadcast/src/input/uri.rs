//! Inputs as URIs, the short form of command lines. Options are read as strictly as in job files.

use serde::de::DeserializeOwned;

use super::{CommandSource, FileSource, Http, Rtmp, Rtp, Rtsp, Source, Srt, TestSource, Udp};
use crate::document::{Document, Fault};

/// The schemes, for the message about another one.
const SCHEMES: [&str; 12] = [
    "testsrc", "file", "rtmp", "rtmps", "rtmpt", "srt", "udp", "rtp", "rtsp", "rtsps", "http",
    "https",
];

/// Reads a URI or a path. The faults have no pointers.
pub fn parse(uri: &str) -> Result<Source, Vec<Fault>> {
    let uri = uri.trim();
    if uri.is_empty() {
        return Err(vec![Fault::new("", "an input needs a URI or a path")]);
    }
    if let Some(line) = uri.strip_prefix("sh:") {
        let command = CommandSource {
            shell: Some(line.to_owned()),
            ..CommandSource::default()
        };
        return checked(Source::Command, command, CommandSource::check);
    }
    let scheme_end = uri
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(uri.len());
    let (scheme, rest) = uri.split_at(scheme_end);
    if scheme == "testsrc" && (rest.is_empty() || rest.starts_with(['?', ':'])) {
        let query = rest.trim_start_matches([':', '/']).trim_start_matches('?');
        return checked(
            Source::Test,
            options::<TestSource>(query)?,
            TestSource::check,
        );
    }
    let Some(rest) = rest.strip_prefix("://") else {
        return checked(
            Source::File,
            FileSource {
                path: uri.to_owned(),
                ..FileSource::default()
            },
            FileSource::check,
        );
    };
    let (before_query, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (url, fragment) = uri.rsplit_once('#').unwrap_or((uri, ""));
    // `udp://@:5000` is how many write that they listen on every address.
    let address = before_query.trim_end_matches('/').trim_start_matches('@');
    let any = if address.starts_with(':') {
        "0.0.0.0"
    } else {
        ""
    };
    let address = format!("{any}{address}");
    match scheme {
        "file" => {
            let path = decoded(before_query);
            let file = FileSource {
                path,
                ..options(query)?
            };
            checked(Source::File, file, FileSource::check)
        }
        "srt" => {
            let srt = Srt {
                address,
                ..options(query)?
            };
            checked(Source::Srt, srt, Srt::check)
        }
        "udp" => {
            let udp = Udp {
                address,
                ..options(query)?
            };
            checked(Source::Udp, udp, Udp::check)
        }
        "rtp" => {
            let rtp = Rtp {
                address,
                ..options(query)?
            };
            checked(Source::Rtp, rtp, Rtp::check)
        }
        "rtmp" | "rtmps" | "rtmpt" => {
            let rtmp = Rtmp {
                url: url.to_owned(),
                ..options(fragment)?
            };
            checked(Source::Rtmp, rtmp, Rtmp::check)
        }
        "rtsp" | "rtsps" => {
            let rtsp = Rtsp {
                url: url.to_owned(),
                ..options(fragment)?
            };
            checked(Source::Rtsp, rtsp, Rtsp::check)
        }
        "http" | "https" => {
            let http = Http {
                url: url.to_owned(),
                ..options(fragment)?
            };
            checked(Source::Http, http, Http::check)
        }
        other => Err(vec![
            Fault::new("", format!("unknown kind of input `{other}://`")).allowing(other, SCHEMES),
        ]),
    }
}

fn checked<T>(
    make: fn(T) -> Source,
    options: T,
    check: fn(&T) -> Vec<Fault>,
) -> Result<Source, Vec<Fault>> {
    let faults = check(&options);
    if faults.is_empty() {
        return Ok(make(options));
    }
    Err(faults.into_iter().map(flat).collect())
}

/// Reads `name=value` pairs into options.
fn options<T: DeserializeOwned + Default>(query: &str) -> Result<T, Vec<Fault>> {
    let pairs = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
    let (options, faults) = Document::of_pairs(pairs).read();
    if faults.is_empty() {
        return Ok(options);
    }
    Err(faults.into_iter().map(flat).collect())
}

/// Names the option in the reason, since a URI has no pointers.
fn flat(fault: Fault) -> Fault {
    let option = fault.pointer.trim_start_matches('/').to_owned();
    if option.is_empty() || fault.reason.contains(&format!("`{option}`")) {
        return Fault {
            pointer: String::new(),
            ..fault
        };
    }
    Fault {
        pointer: String::new(),
        reason: format!("{option}: {}", fault.reason),
        ..fault
    }
}

/// Decodes `%xx`; what is not well formed stays.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(byte) = bytes.get(index) {
        let code = (*byte == b'%')
            .then(|| bytes.get(index + 1..index + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(code.unwrap_or(*byte));
        index += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}
