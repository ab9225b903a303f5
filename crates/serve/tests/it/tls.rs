//! TLS: what is spoken over it, who is turned away, and certificates that change.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use crate::common::{Client, PATIENCE, Running};
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use serve::{Body, ETag, Entity, Limits, Pace, Request, Response, Tls, TlsFile, reply, ring};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A folder with a certificate of `localhost` and its key.
struct Pair {
    folder: tempfile::TempDir,
    der: CertificateDer<'static>,
}

impl Pair {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut pair = Self {
            folder,
            der: CertificateDer::from(Vec::new()),
        };
        pair.renew();
        pair
    }

    /// Writes another certificate and key into the same files.
    fn renew(&mut self) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(self.certificate(), certificate.pem()).unwrap();
        fs::write(self.key(), key.serialize_pem()).unwrap();
        self.der = certificate.der().clone();
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    fn load(&self) -> Arc<Tls> {
        Arc::new(Tls::load(&self.certificate(), &self.key()).unwrap())
    }

    /// Connects and shakes hands as a client that trusts this certificate only.
    async fn connect(&self, server: &Running, protocols: &[&str]) -> TlsStream<TcpStream> {
        self.try_connect(server, protocols).await.unwrap()
    }

    async fn try_connect(
        &self,
        server: &Running,
        protocols: &[&str],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(&server.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }
}

const TEXT: &str = "0123456789";

/// `/url` says how we are called, `/text` is an entity, anything else is a stream of three pieces.
async fn handler(request: Request) -> Response {
    match request.path() {
        "/url" => reply::text(StatusCode::OK, request.base_url()),
        "/text" => {
            let entity = Entity {
                slices: vec![Bytes::from_static(TEXT.as_bytes())],
                content_type: "text/plain",
                cache_control: "no-cache",
                etag: Some(ETag::new(1, 1)),
                last_modified: None,
            };
            entity.answer(request.method(), request.headers())
        }
        _ => {
            let mut writer = ring::Writer::new(ring::Bounds::default());
            let reader = writer.ring().join(ring::Start::Newest, ring::OnSlow::Drop);
            for piece in ["one ", "two ", "three"] {
                let piece = ring::Piece::whole(Bytes::from_static(piece.as_bytes()));
                writer.push(piece, std::time::Instant::now());
            }
            Response::new(Body::stream(Pieces(reader)))
        }
    }
}

/// What a reader gives, as a body.
struct Pieces(ring::Reader);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        let next = self.0.poll_next(cx);
        next.map(|bytes| bytes.map(|bytes| Ok(http_body::Frame::data(bytes))))
    }
}

#[tokio::test]
async fn http_1_is_spoken_with_ranges_and_without_frames() {
    let pair = Pair::new();
    let server = Running::start_with(Limits::default(), Some(pair.load()), handler).await;
    let stream = pair.connect(&server, &["http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let mut client = Client::new(stream);
    let answer = client.ask("GET /url HTTP/1.1").await;
    assert_eq!((answer.status, &*answer.body), (200, "https://test\n"));
    let answer = client.ask("GET /text HTTP/1.1\nRange: bytes=2-4").await;
    assert_eq!((answer.status, &*answer.body), (206, "234"));

    // HTTP/1.0, which knows no frames: the end is that of TLS, and not that of the socket alone, so
    // the client knows that nothing was cut off.
    let mut client = Client::new(pair.connect(&server, &["http/1.0"]).await);
    client.send("GET /stream HTTP/1.0\r\n\r\n").await;
    let mut read = Vec::new();
    let whole = client.stream.read_to_end(&mut read);
    time::timeout(PATIENCE, whole).await.unwrap().unwrap();
    let read = String::from_utf8(read).unwrap();
    assert!(read.starts_with("HTTP/1.0 200 "), "{read}");
    assert!(read.ends_with("\r\n\r\none two three"), "{read}");
    server.stop().await;
}

#[tokio::test]
async fn http_2_is_chosen_by_who_knows_it() {
    let pair = Pair::new();
    let server = Running::start_with(Limits::default(), Some(pair.load()), handler).await;
    let stream = pair.connect(&server, &["h2", "http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut requests, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    for (path, expected) in [
        ("/url", "https://localhost\n"),
        ("/stream", "one two three"),
    ] {
        let request = http::Request::builder()
            .method(Method::GET)
            .uri(format!("https://localhost{path}"))
            .body(Empty::<Bytes>::new())
            .unwrap();
        let response = requests.send_request(request).await.unwrap();
        assert_eq!(response.version(), http::Version::HTTP_2);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, expected, "{path}");
    }
    drop(requests);
    server.stop().await;
}

#[tokio::test]
async fn who_speaks_no_tls_is_told_and_costs_no_place() {
    let pair = Pair::new();
    let server = Running::start_with(Limits::default(), Some(pair.load()), handler).await;
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n").await;
    let said = client.closed().await;
    assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
    assert!(said.ends_with("This port is for HTTPS (TLS).\n"), "{said}");
    drop(client);
    // A handshake that is none ends with an alert at most.
    let mut client = server.connect().await;
    let nonsense = [&[22u8, 3, 1, 0, 4][..], b"nono"].concat();
    client.stream.write_all(&nonsense).await.unwrap();
    let mut said = Vec::new();
    let read = client.stream.read_to_end(&mut said);
    // A reset is a way to close too.
    let _ = time::timeout(PATIENCE, read).await.unwrap();
    assert!(said.len() < 16, "{said:?}");
    wait_open(&server, 0).await;
    assert_eq!(server.counters.read().requests, 0);
    server.stop().await;
}

#[tokio::test]
async fn who_shakes_no_hands_is_counted_and_then_cut() {
    let pair = Pair::new();
    let limits = Limits {
        connections: 1,
        header_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = Running::start_with(limits, Some(pair.load()), handler).await;
    let mut silent = server.connect().await;
    wait_open(&server, 1).await;
    // There is no room for another one, and it costs no handshake to find out.
    assert!(pair.try_connect(&server, &[]).await.is_err());
    assert_eq!(server.counters.read().refused, 1);
    assert_eq!(silent.closed().await, "");
    wait_open(&server, 0).await;
    // One that begins and does not go on fares no better.
    let mut slow = server.connect().await;
    slow.stream.write_all(&[22, 3, 1]).await.unwrap();
    assert_eq!(slow.closed().await, "");
    wait_open(&server, 0).await;
    assert_eq!(server.counters.read().timed_out, 2);
    let mut client = Client::new(pair.connect(&server, &[]).await);
    assert_eq!(client.ask("GET /url HTTP/1.1").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn who_takes_nothing_is_cut_and_a_stop_needs_no_handshake() {
    let pair = Pair::new();
    let large = Bytes::from(vec![b'x'; 32 << 20]);
    let server = Running::start_with(Limits::default(), Some(pair.load()), move |_| {
        let mut response = Response::new(Body::slices(vec![large.clone(), large.clone()]));
        response.extensions_mut().insert(Pace {
            write_timeout: Duration::from_millis(300),
            unsent: 16 << 10,
        });
        async move { response }
    })
    .await;
    let mut client = Client::new(pair.connect(&server, &[]).await);
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n").await;
    let cut = async {
        while server.counters.read().timed_out == 0 {
            time::sleep(Duration::from_millis(20)).await;
        }
    };
    time::timeout(PATIENCE, cut).await.expect("it is cut");
    let silent = server.connect().await;
    wait_open(&server, 1).await;
    assert_eq!(server.stop().await.cut, 0);
    drop(silent);
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_those_who_come() {
    let mut pair = Pair::new();
    let tls = pair.load();
    let server = Running::start_with(Limits::default(), Some(Arc::clone(&tls)), handler).await;
    let mut before = Client::new(pair.connect(&server, &[]).await);
    pair.renew();
    let refused = pair.try_connect(&server, &[]).await.unwrap_err();
    assert!(refused.to_string().contains("certificate"), "{refused}");
    tls.reload(&pair.certificate(), &pair.key()).unwrap();
    let mut after = Client::new(pair.connect(&server, &[]).await);
    assert_eq!(after.ask("GET /url HTTP/1.1").await.status, 200);
    assert_eq!(before.ask("GET /url HTTP/1.1").await.status, 200);

    fs::write(pair.key(), "nothing").unwrap();
    let error = tls.reload(&pair.certificate(), &pair.key()).unwrap_err();
    assert_eq!(error.file(), TlsFile::Key);
    pair.connect(&server, &[]).await;
    server.stop().await;
}

#[test]
fn each_fault_names_its_file() {
    let (pair, other) = (Pair::new(), Pair::new());
    let fault = |certificate: PathBuf, key: PathBuf| {
        let error = Tls::load(&certificate, &key).unwrap_err();
        (error.file(), error.to_string())
    };
    let junk = pair.folder.path().join("junk.pem");
    fs::write(
        &junk,
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let nowhere = pair.folder.path().join("nowhere.pem");
    let cases = [
        (
            fault(nowhere.clone(), pair.key()),
            TlsFile::Certificate,
            "nowhere.pem` cannot be read: No such file",
        ),
        (
            fault(pair.key(), pair.key()),
            TlsFile::Certificate,
            "key.pem` holds no certificate as PEM: there is none",
        ),
        (
            fault(junk, pair.key()),
            TlsFile::Certificate,
            "the certificate in `",
        ),
        (
            fault(pair.certificate(), nowhere),
            TlsFile::Key,
            "nowhere.pem` cannot be read",
        ),
        (
            fault(pair.certificate(), pair.certificate()),
            TlsFile::Key,
            "cert.pem` holds no private key as PEM: there is none",
        ),
        (
            fault(pair.certificate(), other.key()),
            TlsFile::Key,
            "is not that of the certificate",
        ),
    ];
    for ((file, said), expected_file, expected) in cases {
        assert_eq!(file, expected_file, "{said}");
        assert!(said.contains(expected), "{said}");
    }
}

/// Waits until so many connections are open.
async fn wait_open(server: &Running, count: u64) {
    let reached = async {
        while server.counters.read().open != count {
            time::sleep(Duration::from_millis(5)).await;
        }
    };
    time::timeout(PATIENCE, reached)
        .await
        .expect("it comes to that");
}
