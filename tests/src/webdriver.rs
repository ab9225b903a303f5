//! A WebDriver client for a headless Chromium, as far as the scenarios need one
//! (W3C WebDriver: sessions, navigation, scripts).

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};

use crate::{
    http,
    launch::{self, Guard},
};

/// A browser session; browser and driver end when this is dropped.
#[derive(Debug)]
pub struct Browser {
    session: String,
    // Dropped in this order: the processes, then their profile.
    _driver: Guard,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts chromedriver and a headless Chromium with an empty profile.
    ///
    /// # Panics
    /// When either is missing or does not start.
    pub fn start() -> Self {
        let profile = tempfile::tempdir().expect("temporary folder");
        let port = launch::free_port();
        let mut command = launch::command("chromedriver");
        command
            .arg(format!("--port={port}"))
            .env("HOME", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let driver = Guard::spawn(&mut command);
        let base = format!("http://127.0.0.1:{port}");
        launch::wait_for("chromedriver", || {
            let answer = http::get(&format!("{base}/status")).try_send().ok()?;
            (answer.status == 200).then_some(())
        });
        let options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // A window is watched as well when another one is in front.
            "--disable-background-timer-throttling",
            "--disable-backgrounding-occluded-windows",
            "--disable-renderer-backgrounding",
            "--autoplay-policy=no-user-gesture-required",
            "--mute-audio",
            "--window-size=1280,800",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let answer = http::request("POST", &format!("{base}/session"))
            .json(&json!({"capabilities": {"alwaysMatch": {
                "browserName": "chrome",
                "goog:chromeOptions": {"args": options},
                "goog:loggingPrefs": {"browser": "ALL"},
            }}}))
            .send();
        let value = value_of(&answer);
        let id = value["sessionId"].as_str().expect("sessionId").to_owned();
        Self {
            session: format!("{base}/session/{id}"),
            _driver: driver,
            _profile: profile,
        }
    }

    /// Opens a URL and waits for the page to load.
    pub fn open(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    /// Opens a URL in a further window and returns its handle for [`Browser::switch`].
    pub fn open_window(&self, url: &str) -> String {
        let window = self.post("window/new", &json!({"type": "window"}));
        let handle = window["handle"].as_str().expect("handle").to_owned();
        self.switch(&handle);
        self.open(url);
        handle
    }

    /// Turns to a window.
    pub fn switch(&self, handle: &str) {
        self.post("window", &json!({ "handle": handle }));
    }

    /// Runs JavaScript (the body of a function) in the page and returns what it returns.
    pub fn run(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({"script": script, "args": []}))
    }

    /// Runs `script` until it returns something other than null or false, at most `limit`.
    pub fn poll(&self, limit: Duration, script: &str) -> Option<Value> {
        launch::wait_within(limit, || {
            let value = self.run(script);
            (!value.is_null() && value != Value::Bool(false)).then_some(value)
        })
    }

    /// Returns what the console said since the last call.
    pub fn console(&self) -> Vec<String> {
        let entries = self.post("se/log", &json!({"type": "browser"}));
        let entries = entries.as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .map(|entry| format!("{}: {}", entry["level"], entry["message"]))
            .collect()
    }

    fn post(&self, command: &str, body: &Value) -> Value {
        let url = format!("{}/{command}", self.session);
        value_of(&http::request("POST", &url).json(body).send())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Lets Chromium end by itself; what is left is killed with the driver.
        let _ = http::request("DELETE", &self.session).try_send();
    }
}

fn value_of(answer: &http::Answer) -> Value {
    assert_eq!(answer.status, 200, "WebDriver: {answer:?}");
    let mut answer: Value = serde_json::from_slice(&answer.body).expect("WebDriver speaks JSON");
    answer["value"].take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_run_in_the_page() {
        let browser = Browser::start();
        browser.open("data:text/html,<title>here</title>");
        assert_eq!(browser.run("return document.title"), "here");
        let later = "window.calls = (window.calls || 0) + 1; return window.calls > 2 && 'done'";
        let found = browser.poll(launch::PATIENCE, later);
        assert_eq!(found, Some(Value::from("done")));
        browser.run("console.error('told')");
        assert!(browser.console().iter().any(|line| line.contains("told")));
    }
}
