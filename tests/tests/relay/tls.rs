//! HTTPS for all that is served, as curl and ffmpeg see it, with certificates made here.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use harness::{
    clips::{self, Clip},
    launch::{self, Guard, Server},
};
use rcgen::{CertificateParams, KeyPair};
use rustix::process::Signal;

use crate::TS;

/// A folder for a configuration, with a certificate for this machine.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().expect("temporary folder"));
        folder.renew();
        folder
    }

    /// Writes another certificate with another key.
    fn renew(&self) {
        let key = KeyPair::generate().expect("a key");
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let params = CertificateParams::new(names).expect("names");
        let certificate = params.self_signed(&key).expect("a certificate");
        self.write("cert.pem", &certificate.pem());
        self.write("key.pem", &key.serialize_pem());
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).expect("a file");
    }

    /// Runs curl, which trusts the certificate that is there now, and returns its exit code and what came.
    fn curl(&self, words: &[&str]) -> (i32, Vec<u8>) {
        let output = launch::run(self.client().args(words));
        (output.status.code().expect("an exit code"), output.stdout)
    }

    /// Runs curl, which has to be content, and returns what came as text.
    fn text(&self, words: &[&str]) -> String {
        let (code, bytes) = self.curl(words);
        assert_eq!(code, 0, "{words:?}");
        String::from_utf8(bytes).expect("text")
    }

    fn client(&self) -> Command {
        let mut command = launch::command("curl");
        command.args(["--silent", "--max-time", "60", "--cacert"]);
        command.arg(self.file("cert.pem")).stdin(Stdio::null());
        command
    }

    fn serve(&self) -> Server {
        let words = ["serve", "--listen", "127.0.0.1:0", "--config"].map(Into::into);
        let server = launch::headend(words.into_iter().chain([self.file("headend.yaml")]));
        let server = server.start_unready();
        assert!(server.base.starts_with("https://"), "{}", server.said());
        launch::wait_for("readiness", || {
            let (code, _) = self.curl(&["--fail", &server.url("/readyz")]);
            (code == 0).then_some(())
        });
        server
    }
}

fn configuration() -> String {
    format!(
        "tls: {{ cert: cert.pem, key: key.pem }}\nassets: [{assets}]\n\
         feeds:\n  ts: {{ command: \"{TS}\" }}\n  short: {{ command: echo hello }}\n\
         streams:\n  ts: {{ feed: ts }}\n  short: {{ feed: short }}\n  \
         again: {{ command: \"curl --silent {{server}}/stream/short\", type: stream, mimetype: text/plain }}\n",
        assets = clips::root().display(),
    )
}

/// Reads so much of what a running curl gets.
fn read_of(client: &mut Guard, count: usize) -> Vec<u8> {
    let (stdout, _) = client.take_output();
    let mut bytes = vec![0; count];
    let mut stdout = stdout.expect("a pipe");
    stdout.read_exact(&mut bytes).expect("the stream goes on");
    bytes
}

#[test]
fn everything_is_served_over_tls() {
    let folder = Folder::new();
    folder.write("headend.yaml", &configuration());
    let server = folder.serve();
    let url = |path: &str| server.url(path);

    // Pages, over what each client knows.
    let version = [
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_version} %{http_code}",
    ];
    for (flag, expected) in [("--http2", "2 200"), ("--http1.1", "1.1 200")] {
        let home = url("/");
        let words = [&version[..], &[flag, &home]].concat();
        assert_eq!(folder.text(&words), expected);
    }
    let list = folder.text(&[&url("/streams.m3u")]);
    assert!(list.contains(&url("/stream/ts")), "{list}");

    // A segment, and a part of it.
    let name = "chunk-stream0-00002.m4s";
    let segment = fs::read(Clip::DashNumber.path().join(name)).expect("segment on disk");
    let path = url(&format!("/vod/dash-number/{name}"));
    assert_eq!(folder.curl(&[&path]), (0, segment.clone()));
    let part = folder.curl(&["--http1.1", "--range", "100-299", &path]);
    assert_eq!(part, (0, segment[100..300].to_vec()));

    // HTTP/1.0, which ends with the connection: curl says 56 if TLS did not end in order.
    assert_eq!(
        folder.text(&["--http1.0", &url("/stream/short")]),
        "hello\n"
    );
    assert_eq!(folder.text(&["--http2", &url("/stream/short")]), "hello\n");
    // Commands reach the server without knowing of certificates.
    assert_eq!(folder.text(&[&url("/stream/again")]), "hello\n");

    // A stream without end.
    for flag in ["--http1.0", "--http1.1", "--http2"] {
        let words = [flag, "--no-buffer", &url("/stream/ts")];
        let mut client = Guard::spawn(folder.client().args(words).stdout(Stdio::piped()));
        let bytes = read_of(&mut client, 40 * 188);
        let packets = bytes.chunks(188).filter(|it| it[0] == 0x47).count();
        assert_eq!(packets, 40, "{flag}");
    }
    let played = launch::run(
        launch::command("ffmpeg")
            .args(["-nostdin", "-v", "error", "-ca_file"])
            .arg(folder.file("cert.pem"))
            .args(["-tls_verify", "1", "-i", &url("/stream/ts")])
            .args(["-frames:v", "12", "-f", "null", "-"]),
    );
    let said = String::from_utf8_lossy(&played.stderr).into_owned();
    assert!(played.status.success(), "{said}");

    // Plain HTTP has no business there.
    let plain = url("/").replace("https://", "http://");
    let answer = folder.text(&["--write-out", "%{http_code}", &plain]);
    assert_eq!(answer, "This port is for HTTPS (TLS).\n400");
}

#[test]
fn sighup_takes_a_new_certificate_and_keeps_clients() {
    let folder = Folder::new();
    folder.write("headend.yaml", &configuration());
    let server = folder.serve();
    let words = ["--no-buffer", &server.url("/stream/ts")];
    let mut client = Guard::spawn(folder.client().args(words).stdout(Stdio::piped()));
    let (stdout, _) = client.take_output();
    let mut stdout = stdout.expect("a pipe");
    let mut bytes = vec![0; 10 * 188];
    stdout.read_exact(&mut bytes).expect("the stream begins");
    let health = server.url("/healthz");
    let trusts = |folder: &Folder| folder.curl(&["--fail", &health]).0 == 0;

    folder.renew();
    // 60: curl does not trust what is shown, which is the old one.
    assert_eq!(folder.curl(&[&health]).0, 60);
    server.guard.signal(Signal::HUP);
    launch::wait_for("the new certificate", || trusts(&folder).then_some(()));

    // One that cannot be used changes nothing.
    let good = fs::read_to_string(folder.file("key.pem")).expect("the key");
    folder.write("key.pem", "nothing");
    server.guard.signal(Signal::HUP);
    server.wait_said("all stays as it was");
    assert!(trusts(&folder), "{}", server.said());
    folder.write("key.pem", &good);

    let mut bytes = vec![0; 40 * 188];
    stdout.read_exact(&mut bytes).expect("the stream goes on");
    assert!(bytes.chunks(188).all(|packet| packet[0] == 0x47));
}

#[test]
fn flags_do_it_too() {
    let folder = Folder::new();
    let clips = clips::root();
    let (cert, key) = (folder.file("cert.pem"), folder.file("key.pem"));
    let words: [&Path; 8] = [
        "simulate".as_ref(),
        &clips,
        "--listen".as_ref(),
        "127.0.0.1:0".as_ref(),
        "--tls-cert".as_ref(),
        &cert,
        "--tls-key".as_ref(),
        &key,
    ];
    let mut server = launch::headend(words).start_unready();
    let fetched = |path: &str| folder.curl(&["--fail", &server.url(path)]).0 == 0;
    launch::wait_for("the asset", || {
        fetched("/livesim/dash-number/manifest.mpd").then_some(())
    });
    folder.renew();
    server.guard.signal(Signal::HUP);
    launch::wait_for("the new certificate", || fetched("/healthz").then_some(()));
    assert_eq!(server.guard.ended(), None);

    let half = launch::headend(&words[..6]).run();
    assert_eq!(half.status.code(), Some(2));
    let said = String::from_utf8_lossy(&half.stderr).into_owned();
    assert!(said.contains("--tls-key"), "{said}");
}

#[test]
fn a_bad_certificate_is_told_with_its_line() {
    let (folder, other) = (Folder::new(), Folder::new());
    let strange = other.file("key.pem");
    let cases = [
        ("{ cert: cert.pem }", "1:1: `tls`", "`key` is missing"),
        ("{ key: key.pem }", "1:1: `tls`", "`cert` is missing"),
        (
            "{ key: key.pem, cert: nowhere.pem }",
            "1:22: `tls.cert`",
            "nowhere.pem` cannot be read",
        ),
        (
            "{ cert: cert.pem, key: cert.pem }",
            "1:24: `tls.key`",
            "no private key",
        ),
        (
            "{ cert: key.pem, key: key.pem }",
            "1:8: `tls.cert`",
            "no certificate",
        ),
        (
            &format!("{{ cert: cert.pem, key: {} }}", strange.display()),
            "1:24: `tls.key`",
            "is not that of the certificate",
        ),
        (
            "{ certificate: cert.pem }",
            "1:8: `tls.certificate`",
            "unknown field",
        ),
    ];
    for (tls, place, reason) in cases {
        folder.write("headend.yaml", &format!("tls: {tls}\n"));
        for command in [["config", "check"], ["serve", "--config"]] {
            let file = folder.file("headend.yaml");
            let words = command.map(Into::into).into_iter().chain([file]);
            let output = launch::headend(words).run();
            assert_eq!(output.status.code(), Some(2), "{tls}");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                said.contains(place) && said.contains(reason),
                "{tls}: {said}"
            );
        }
    }
    folder.write("headend.yaml", "tls: { cert: cert.pem, key: key.pem }\n");
    let words = ["config".into(), "check".into(), folder.file("headend.yaml")];
    assert!(launch::headend(words).run().status.success());
}
