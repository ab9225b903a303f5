//! An S3 server on a free port: what lies in a folder, spoken of in the real protocol, with faults
//! between it and its clients.

use std::{
    collections::VecDeque,
    fs,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use hyper::{
    Method, Request, Response, body::Incoming, header::HeaderMap, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use s3s::{
    Body,
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;
use store::objects::{self, Access, Shared};
use tokio::{runtime, task::JoinSet};

pub(crate) const BUCKET: &str = "films";

/// What happens to a request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// It is answered by this status and code, and nothing is done.
    Says(u16, &'static str),
    /// Nothing is done, and the connection ends.
    Cut,
    /// It is done, and the connection ends before the answer.
    Lost,
    /// It is done after a while.
    Slow(Duration),
    /// It is done, and what is stored loses its second half.
    Truncates,
}

#[derive(Default)]
struct State {
    /// For the next requests of a method.
    faults: Mutex<VecDeque<(Method, Fault)>>,
    asked: Mutex<Vec<(Method, String, HeaderMap)>>,
    overlooks_conditions: Mutex<bool>,
}

/// A running server; it ends when this is dropped.
pub(crate) struct Server {
    root: tempfile::TempDir,
    address: SocketAddr,
    state: Arc<State>,
    runtime: Option<runtime::Runtime>,
}

impl Server {
    pub(crate) fn start() -> Self {
        // Fails when another test of this process has chosen it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join(BUCKET)).unwrap();
        let service = S3ServiceBuilder::new(FileSystem::new(root.path()).unwrap()).build();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let state = Arc::new(State::default());
        let server = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::clone(&state),
            runtime: Some(
                runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()
                    .unwrap(),
            ),
            root,
        };
        let mut tasks = JoinSet::new();
        let handle = server.runtime.as_ref().unwrap().handle();
        let folder = server.root.path().to_path_buf();
        tasks.spawn_on(accept(listener, service, state, folder), handle);
        tasks.detach_all();
        server
    }

    /// Opens a place in the bucket.
    pub(crate) fn store(&self, prefix: &str) -> Shared {
        let access = Access {
            endpoint: Some(format!("http://{}", self.address)),
            region: "eu-north-1".to_owned(),
            key_id: String::new(),
            secret: String::new(),
        };
        let uri = format!("s3://{BUCKET}/{prefix}").parse().unwrap();
        objects::open_with(&uri, &access).unwrap()
    }

    /// Plans what happens to the next request of a method; several queue up.
    pub(crate) fn plan(&self, method: Method, fault: Fault) {
        self.state.faults.lock().unwrap().push_back((method, fault));
    }

    /// Makes it a server that takes conditions and overlooks them.
    pub(crate) fn overlook_conditions(&self) {
        *self.state.overlooks_conditions.lock().unwrap() = true;
    }

    /// Returns methods, paths with queries, and headers of the requests so far.
    pub(crate) fn asked(&self) -> Vec<(Method, String, HeaderMap)> {
        self.state.asked.lock().unwrap().clone()
    }

    /// Returns the file of an object.
    pub(crate) fn file(&self, key: &str) -> PathBuf {
        self.root.path().join(BUCKET).join(key)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, service: S3Service, state: Arc<State>, root: PathBuf) {
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (service, state, root) = (service.clone(), Arc::clone(&state), root.clone());
        connections.spawn(async move {
            let answer = service_fn(move |request| {
                answer(service.clone(), Arc::clone(&state), root.clone(), request)
            });
            // A fault ends the connection by an error.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

async fn answer(
    service: S3Service,
    state: Arc<State>,
    root: PathBuf,
    request: Request<Incoming>,
) -> Result<Response<Body>, Failed> {
    let mut request = request.map(Body::from);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let target = request.uri().to_string();
    let headers = request.headers().clone();
    state
        .asked
        .lock()
        .unwrap()
        .push((method.clone(), target, headers));
    if *state.overlooks_conditions.lock().unwrap() {
        request.headers_mut().remove("if-none-match");
        request.headers_mut().remove("if-match");
    }
    let fault = {
        let mut faults = state.faults.lock().unwrap();
        let due = faults.front().is_some_and(|(of, _)| *of == method);
        if due {
            faults.pop_front().map(|(_, fault)| fault)
        } else {
            None
        }
    };
    match fault {
        None => Ok(service.call(request).await?),
        Some(Fault::Says(status, code)) => {
            let text = format!("<Error><Code>{code}</Code><Message>planned</Message></Error>");
            Ok(Response::builder().status(status).body(Body::from(text))?)
        }
        Some(Fault::Cut) => Err("planned".into()),
        Some(Fault::Lost) => {
            service.call(request).await?;
            Err("planned".into())
        }
        Some(Fault::Slow(delay)) => {
            tokio::time::sleep(delay).await;
            Ok(service.call(request).await?)
        }
        Some(Fault::Truncates) => {
            let response = service.call(request).await?;
            let file = root.join(path.trim_start_matches('/'));
            let half = fs::metadata(&file)?.len() / 2;
            fs::File::options().write(true).open(&file)?.set_len(half)?;
            Ok(response)
        }
    }
}
