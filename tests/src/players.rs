//! The players of the field, served from a page of ours: hls.js and dash.js as `npm ci` put them into
//! `tests/players/`, and the Shaka Player that the product ships.
//!
//! `page.js` there says what the page exposes to a scenario.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::launch;

/// A player that plays live channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Player {
    /// hls.js, over LL-HLS.
    HlsJs,
    /// dash.js, over LL-DASH.
    DashJs,
    /// Shaka Player, over the manifest that the URL names.
    Shaka,
}

impl Player {
    /// Returns the name by which the page knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::HlsJs => "hls.js",
            Self::DashJs => "dash.js",
            Self::Shaka => "shaka",
        }
    }

    /// Returns its script, by the path on the page's server.
    fn script(path: &str) -> Option<PathBuf> {
        let root = launch::repository();
        let modules = root.join("tests/players/node_modules");
        match path {
            "/hls.js" => Some(modules.join("hls.js/dist/hls.min.js")),
            "/dash.js" => Some(modules.join("dashjs/dist/modern/umd/dash.all.min.js")),
            "/shaka.js" => Some(root.join("web/vendor/shaka-player/shaka-player.js")),
            _ => None,
        }
    }
}

/// A server of the page on a free port; it ends when this is dropped.
#[derive(Debug)]
pub struct Pages {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl Pages {
    /// Starts the server.
    ///
    /// # Panics
    /// When there is no free port, or the players are not installed.
    pub fn start() -> Self {
        for path in ["/hls.js", "/dash.js", "/shaka.js"] {
            let script = Player::script(path).expect("a script");
            assert!(
                script.is_file(),
                "{} is missing: run scripts/setup.sh test",
                script.display()
            );
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("address");
        let ended = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&ended);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                // A browser opens connections that it may never use.
                std::thread::spawn(move || answer(&stream));
            }
        });
        Self { address, ended }
    }

    /// Returns the URL of a page on which `player` plays `source`, as it does by default.
    pub fn url(&self, player: Player, source: &str) -> String {
        self.configured(player, source, "{}")
    }

    /// Returns the URL of a page on which `player` plays `source` with settings of its own kind, in
    /// JSON.
    pub fn configured(&self, player: Player, source: &str, settings: &str) -> String {
        format!(
            "http://{}/?player={}&src={}&config={}",
            self.address,
            player.name(),
            quoted(source),
            quoted(settings)
        )
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the listener; that it is gone already would be fine.
        let _ = TcpStream::connect(self.address);
    }
}

/// Answers one request and hangs up; a client that went away is its own affair.
fn answer(stream: &TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut field = String::from("-");
    while !field.trim().is_empty() {
        field.clear();
        reader.read_line(&mut field).ok()?;
    }
    let path = line.split(' ').nth(1)?.split('?').next()?;
    let folder = launch::repository().join("tests/players");
    let (file, content_type) = match path {
        "/" => (Some(folder.join("page.html")), "text/html"),
        "/clock.js" | "/page.js" => (Some(folder.join(&path[1..])), "text/javascript"),
        _ => (Player::script(path), "text/javascript"),
    };
    let body = file.and_then(|file| fs::read(file).ok());
    let status = if body.is_some() {
        "200 OK"
    } else {
        "404 Not Found"
    };
    let body = body.unwrap_or_default();
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .ok()?;
    stream.write_all(&body).ok()
}

/// Writes text so that it can stand in a query.
fn quoted(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{http, webdriver::Browser};

    #[test]
    fn each_player_is_loaded() {
        let pages = Pages::start();
        let browser = Browser::start();
        for player in [Player::HlsJs, Player::DashJs, Player::Shaka] {
            // Nothing is there: the player says so itself.
            let source = http_url_of_nothing();
            browser.open(&pages.url(player, &source));
            let state = browser.poll(
                launch::PATIENCE,
                "const s = state(); return s.failures.length + s.troubles.length > 0 && s",
            );
            let state = state.unwrap_or_else(|| panic!("{player:?} says nothing"));
            assert_eq!(state["player"], player.name());
            assert_eq!(state["source"], source);
            assert_eq!(browser.run("return !!window.player"), true, "{state}");
        }
        http::get(&format!("http://{}/other", pages.address))
            .send()
            .expect(404);
    }

    fn http_url_of_nothing() -> String {
        format!("http://127.0.0.1:{}/nothing?a=b&c", launch::free_port())
    }
}
