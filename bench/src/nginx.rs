//! The measure: nginx as a careful operator sets it up to serve files.

use std::{fs, path::Path, process::Stdio};

use harness::{
    http,
    launch::{self, Guard},
};

/// A running nginx over a folder.
#[derive(Debug)]
pub(crate) struct Nginx {
    /// The master process.
    pub(crate) guard: Guard,
    /// `http://host:port`.
    pub(crate) base: String,
    _folder: tempfile::TempDir,
}

impl Nginx {
    /// Serves `root` with two workers, `sendfile`, and no access log.
    pub(crate) fn start(root: &Path) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let port = launch::free_port();
        let config = format!(
            "daemon off;
            worker_processes 2;
            pid {at}/pid;
            error_log stderr error;
            {user}
            events {{ worker_connections 4096; }}
            http {{
                access_log off;
                sendfile on;
                tcp_nopush on;
                tcp_nodelay on;
                keepalive_requests 100000000;
                open_file_cache max=1000;
                types {{ video/mp4 m4s; application/dash+xml mpd; }}
                client_body_temp_path {at}/body;
                proxy_temp_path {at}/proxy;
                fastcgi_temp_path {at}/fastcgi;
                uwsgi_temp_path {at}/uwsgi;
                scgi_temp_path {at}/scgi;
                server {{ listen 127.0.0.1:{port}; root {root}; }}
            }}",
            at = folder.path().display(),
            root = root.display(),
            // Started by root, the workers would be somebody who may not read the folder.
            user = if launch::is_root() { "user root;" } else { "" },
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, config).expect("configuration");
        let mut command = launch::command("nginx");
        command
            .arg("-e")
            .arg("stderr")
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null());
        let guard = Guard::spawn(&mut command);
        let base = format!("http://127.0.0.1:{port}");
        // Any file of the folder: asking for the folder itself would log an error.
        let any = fs::read_dir(root)
            .expect("folder")
            .next()
            .expect("a file")
            .expect("entry");
        let url = format!("{base}/{}", any.file_name().to_string_lossy());
        launch::wait_for("nginx", || http::get(&url).try_send().ok());
        Self {
            guard,
            base,
            _folder: folder,
        }
    }
}
