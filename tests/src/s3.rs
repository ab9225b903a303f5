//! An S3 server on a free port: what lies in a folder, spoken of in the real protocol, with
//! signatures checked. A bucket is a folder, an object a file in it.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::{
    S3, S3Request, S3Response, S3Result,
    auth::SimpleAuth,
    dto::{
        AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
        CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput,
        CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteObjectInput,
        DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, GetObjectInput,
        GetObjectOutput, HeadObjectInput, HeadObjectOutput, ListObjectsV2Input,
        ListObjectsV2Output, PutObjectInput, PutObjectOutput, UploadPartInput, UploadPartOutput,
    },
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;
use tokio::{runtime, task::JoinSet};

use crate::launch::Launch;

const ACCESS_KEY: &str = "tester";
const SECRET_KEY: &str = "correct horse battery staple";

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    root: tempfile::TempDir,
    address: SocketAddr,
    runtime: Option<runtime::Runtime>,
}

impl Server {
    /// Starts a server without buckets.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start() -> Self {
        let root = tempfile::tempdir().expect("temporary folder");
        fs::create_dir(root.path().join(".incoming")).expect("folder for uploads");
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let mut server = Self {
            root,
            address: listener.local_addr().expect("address"),
            runtime: None,
        };
        server.serve(listener);
        server
    }

    fn serve(&mut self, listener: TcpListener) {
        let mut service = S3ServiceBuilder::new(Shelf(
            FileSystem::new(self.root.path()).expect("folder of the server"),
        ));
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = service.build();
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("runtime");
        let mut tasks = JoinSet::new();
        tasks.spawn_on(accept(listener, service), runtime.handle());
        tasks.detach_all();
        self.runtime = Some(runtime);
    }

    /// Cuts all connections and answers no more.
    pub fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Answers again, at the same address.
    ///
    /// # Panics
    /// When the port was taken meanwhile.
    pub fn resume(&mut self) {
        let listener = TcpListener::bind(self.address).expect("the same port");
        self.serve(listener);
    }

    /// Makes a bucket.
    ///
    /// # Panics
    /// When there is one of that name.
    pub fn make_bucket(&self, name: &str) {
        fs::create_dir(self.root.path().join(name)).expect("bucket");
    }

    /// Puts or replaces an object, given as `bucket/key`.
    ///
    /// # Panics
    /// When there is no such bucket.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let incoming = self.root.path().join(".incoming/object");
        fs::write(&incoming, bytes).expect("object is written");
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("bucket")).expect("folders of the key");
        fs::rename(incoming, path).expect("object is in place");
    }

    /// Puts the files of a folder as objects below `bucket/prefix`.
    ///
    /// # Panics
    /// When one cannot be read.
    pub fn put_folder(&self, folder: &Path, prefix: &str) {
        for entry in fs::read_dir(folder).expect("folder to put") {
            let entry = entry.expect("entry to put");
            let path = format!("{prefix}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                self.put_folder(&entry.path(), &path);
            } else {
                self.put(&path, &fs::read(entry.path()).expect("file to put"));
            }
        }
    }

    /// Removes all objects below `bucket/prefix`.
    ///
    /// # Panics
    /// When there are none.
    pub fn delete_folder(&self, prefix: &str) {
        fs::remove_dir_all(self.path(prefix)).expect("objects are removed");
    }

    /// Sets the environment by which a program finds the server and may use it.
    #[must_use]
    pub fn known_to(&self, launch: Launch) -> Launch {
        launch
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.address))
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("AWS_REGION", "eu-north-1")
    }

    /// Returns the folder that holds the objects below `bucket/prefix`, a file each.
    pub fn folder(&self, prefix: &str) -> PathBuf {
        self.path(prefix)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn accept(listener: TcpListener, service: S3Service) {
    listener.set_nonblocking(true).expect("listener");
    let listener = tokio::net::TcpListener::from_std(listener).expect("listener");
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
        connections.spawn(serving);
    }
}

/// Objects in a folder. Listings have entity tags, as those of S3 do and those of [`FileSystem`] do
/// not.
struct Shelf(FileSystem);

#[async_trait::async_trait]
impl S3 for Shelf {
    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        self.0.get_object(request).await
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        self.0.head_object(request).await
    }

    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        self.0.put_object(request).await
    }

    async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        self.0.copy_object(request).await
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.0.delete_object(request).await
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        self.0.delete_objects(request).await
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.0.create_multipart_upload(request).await
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        self.0.upload_part(request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        self.0.complete_multipart_upload(request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.0.abort_multipart_upload(request).await
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let bucket = request.input.bucket.clone();
        let mut response = self.0.list_objects_v2(request).await?;
        for object in response.output.contents.iter_mut().flatten() {
            let mut input = HeadObjectInput::builder();
            input.set_bucket(bucket.clone());
            input.set_key(object.key.clone().unwrap_or_default());
            let input = input.build().expect("bucket and key are set");
            let head = self.0.head_object(internal(input)).await?;
            object.e_tag = head.output.e_tag;
        }
        Ok(response)
    }
}

/// Makes a request that did not come over the wire.
fn internal<T>(input: T) -> S3Request<T> {
    S3Request {
        input,
        method: http::Method::HEAD,
        uri: http::Uri::default(),
        headers: http::HeaderMap::new(),
        extensions: http::Extensions::new(),
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}
