//! The walls of the house (docs/design/house.md, "Rooms and floors"): which crate may use which, how
//! long a file may be, and where unsafe code may stand.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use harness::launch;
use serde_json::Value;

/// Greatest number of lines of a source file.
const MAX_LINES: usize = 800;

/// The one module that may use unsafe code: it maps files.
const UNSAFE_MODULE: &str = "crates/store/src/mapped";

/// What a room may use: anything on the floors below it, except what is named here.
struct Room {
    name: &'static str,
    floor: u8,
    /// Rooms on lower floors, other crates, and paths in the code that it must not use.
    without: &'static [&'static str],
}

const HTTP: [&str; 4] = ["hyper", "hyper-util", "axum", "http-body"];

const ROOMS: [Room; 12] = [
    Room {
        name: "media",
        floor: 1,
        without: &[
            "tokio",
            "hyper",
            "async-trait",
            "std::fs",
            "std::net",
            "SystemTime",
            "Instant",
        ],
    },
    Room {
        name: "serve",
        floor: 1,
        without: &["quick-xml", "quick-m3u8"],
    },
    Room {
        name: "process",
        floor: 1,
        without: &["hyper", "quick-xml", "quick-m3u8"],
    },
    Room {
        name: "store",
        floor: 1,
        without: &["quick-xml", "quick-m3u8"],
    },
    Room {
        name: "asset",
        floor: 2,
        without: &["serve", HTTP[0], HTTP[1], HTTP[2], HTTP[3]],
    },
    Room {
        name: "origin",
        floor: 2,
        without: &["store", "process", "std::fs", "tokio::fs"],
    },
    Room {
        name: "simulate",
        floor: 3,
        without: &["std::fs", "tokio::fs"],
    },
    Room {
        name: "relay",
        floor: 3,
        without: &["asset", "origin"],
    },
    Room {
        name: "broadcast",
        floor: 3,
        without: &[],
    },
    Room {
        name: "transcode",
        floor: 3,
        without: &["serve", "origin", HTTP[0], HTTP[1], HTTP[2], HTTP[3]],
    },
    Room {
        name: "headend",
        floor: 4,
        without: &[],
    },
    // Not a room: a dependency on the tests' harness is never right in the product.
    Room {
        name: "tests",
        floor: u8::MAX,
        without: &[],
    },
];

fn room(name: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.name == name)
}

/// Crates of `crates/` by folder name, each with the names of what it depends on, in any way.
fn crates() -> BTreeMap<String, BTreeSet<String>> {
    let output = launch::command(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(launch::repository())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "cargo metadata failed");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .filter_map(|package| {
            let manifest = PathBuf::from(text(&package["manifest_path"]));
            let folder = manifest.parent()?;
            (folder.parent()?.file_name()? == "crates").then(|| {
                let name = folder.file_name().expect("folder").to_string_lossy();
                let uses = package["dependencies"].as_array().expect("dependencies");
                let uses = uses
                    .iter()
                    .map(|used| match used["path"].as_str() {
                        Some(path) => room_of(Path::new(path)),
                        None => text(&used["name"]),
                    })
                    .collect();
                (name.into_owned(), uses)
            })
        })
        .collect()
}

fn room_of(folder: &Path) -> String {
    let name = folder.file_name().expect("folder of a crate");
    name.to_string_lossy().into_owned()
}

/// Rust sources of the crates, as (path below the repository, text).
fn sources() -> Vec<(String, String)> {
    let root = launch::repository().canonicalize().expect("repository");
    let mut found = Vec::new();
    let mut folders = vec![root.join("crates"), root.join("tests"), root.join("bench")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("folder of sources") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("source is text");
                let below = path.strip_prefix(&root).expect("below the root");
                found.push((below.to_string_lossy().into_owned(), text));
            }
        }
    }
    assert!(found.len() > 20, "sources were found");
    found
}

/// Code without comments and without what follows the first test module.
fn code(text: &str) -> String {
    text.split("#[cfg(test)]")
        .next()
        .unwrap_or(text)
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn crates_use_only_lower_floors() {
    let crates = crates();
    let mut wrong = Vec::new();
    for (name, uses) in &crates {
        let Some(this) = room(name) else {
            wrong.push(format!(
                "crate `{name}` has no floor: give it one in {}",
                file!()
            ));
            continue;
        };
        for used in uses {
            let outside = !crates.contains_key(used) && room(used).is_none();
            let lower = room(used).is_some_and(|other| other.floor < this.floor);
            if this.without.contains(&used.as_str()) || !(outside || lower) {
                wrong.push(format!(
                    "`{name}` (floor {}) may not use `{used}`",
                    this.floor
                ));
            }
        }
    }
    assert!(crates.contains_key("media"), "the crates were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rooms_keep_away_from_what_is_not_theirs() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Some(this) = path.split('/').nth(1).and_then(room) else {
            continue;
        };
        if path.ends_with("/tests.rs") || !path.contains("/src/") {
            continue;
        }
        let code = code(&text);
        for banned in this.without {
            let is_code = banned.contains("::") || banned.starts_with(char::is_uppercase);
            if is_code && code.contains(banned) {
                wrong.push(format!("{path} uses {banned}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_short() {
    let long: Vec<String> = sources()
        .iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(path, lines)| format!("{path} has {lines} lines: split it by idea"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn unsafe_code_stands_in_one_module() {
    let mut wrong = Vec::new();
    let mut allowed = 0;
    for (path, text) in sources() {
        let root = path.ends_with("src/lib.rs") || path.ends_with("src/main.rs");
        if root && path.starts_with("crates/") {
            let wanted = if path == "crates/store/src/lib.rs" {
                "#![deny(unsafe_code)]"
            } else {
                "#![forbid(unsafe_code)]"
            };
            if !text.lines().any(|line| line == wanted) {
                wrong.push(format!("{path} lacks {wanted}"));
            }
        }
        let lifts = code(&text)
            .lines()
            .filter(|line| line.contains("unsafe_code") && !line.starts_with("#!["))
            .count();
        if path.starts_with(UNSAFE_MODULE) {
            allowed += lifts;
        } else if lifts > 0 && !path.starts_with("tests/") {
            wrong.push(format!("{path} lifts the ban on unsafe code"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        allowed <= 1,
        "{UNSAFE_MODULE} lifts the ban {allowed} times, once is enough"
    );
}
