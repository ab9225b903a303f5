//! Access to S3 and what speaks its protocol, set up by the environment variables that all such
//! programs read (`AWS_*`).
//!
//! The files of `~/.aws` are not read: a server gets its rights from its environment, its container
//! or its machine.

mod fault;

use std::time::Duration;

use object_store::{
    BackoffConfig, ClientOptions, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
};

pub use fault::Fault;

/// How long a connection may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long nothing may arrive of an answer that has begun. The answer as a whole may take as long
/// as it needs.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// How often a request is tried again. Whoever calls tries again too, later.
const RETRIES: usize = 3;

/// A bucket that can be asked.
pub(crate) struct Bucket {
    pub(crate) store: AmazonS3,
    /// `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`; empty for AWS itself.
    pub(crate) endpoint: String,
}

/// Prepares access to a bucket; nothing is asked of it yet. An endpoint may be plain HTTP if it is
/// set so. The process must have chosen a TLS provider.
pub(crate) fn connect(bucket: &str) -> Result<Bucket, Fault> {
    let builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
    let endpoint = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint]
        .iter()
        .find_map(|key| builder.get_config_value(key))
        .unwrap_or_default();
    let options = ClientOptions::new()
        .with_allow_http(endpoint.starts_with("http://"))
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_read_timeout(READ_TIMEOUT)
        .with_timeout_disabled();
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: RETRIES,
        retry_timeout: Duration::from_secs(30),
    };
    let store = builder
        .with_client_options(options)
        .with_retry(retry)
        .build()
        .map_err(Fault::of_settings)?;
    Ok(Bucket { store, endpoint })
}
