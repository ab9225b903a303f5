//! Access to S3 and what speaks its protocol, set up by the environment variables that all such
//! programs read (`AWS_*`).
//!
//! The files of `~/.aws` are not read: a server gets its rights from its environment, its container
//! or its machine.

mod fault;

use std::{fmt, time::Duration};

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

/// What is needed for a bucket, where it is not taken from the environment.
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    /// URL of the server, `http://` or `https://`; none for AWS itself.
    pub endpoint: Option<String>,
    /// Region, such as `eu-north-1`.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`; empty for a bucket that anybody may use, where nothing is signed.
    pub key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret: String,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

impl Access {
    fn builder(&self) -> AmazonS3Builder {
        let builder = AmazonS3Builder::new()
            .with_region(&self.region)
            .with_access_key_id(&self.key_id)
            .with_secret_access_key(&self.secret)
            .with_skip_signature(self.key_id.is_empty());
        match &self.endpoint {
            Some(endpoint) => builder.with_endpoint(endpoint),
            None => builder,
        }
    }
}

/// Prepares access to a bucket, as the environment says unless `access` is given; nothing is asked
/// of it yet. An endpoint may be plain HTTP if it is set so. The process must have chosen a TLS
/// provider.
pub(crate) fn connect(bucket: &str, access: Option<&Access>) -> Result<Bucket, Fault> {
    let builder = access.map_or_else(AmazonS3Builder::from_env, Access::builder);
    let builder = builder.with_bucket_name(bucket);
    check(&builder)?;
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

/// Refuses what the client would panic on: it makes URLs of these without looking.
fn check(builder: &AmazonS3Builder) -> Result<(), Fault> {
    use AmazonS3ConfigKey as Key;
    let value = |key: Key| builder.get_config_value(&key).map(|value| (key, value));
    let wrong = |key: Key, value: &str, what: &str| {
        let name = key.as_ref().to_ascii_uppercase();
        Err(Fault::Settings(format!(
            "{name} is `{value}`, which is not {what}"
        )))
    };
    let urls = [
        Key::S3Endpoint,
        Key::Endpoint,
        Key::MetadataEndpoint,
        Key::StsEndpoint,
        Key::ContainerCredentialsFullUri,
    ];
    for (key, url) in urls.into_iter().filter_map(value) {
        let usable = url.bytes().all(|byte| byte.is_ascii_graphic())
            && reqwest::Url::parse(&url)
                .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !usable {
            return wrong(key, &url, "a URL that begins with http:// or https://");
        }
    }
    if let Some((key, region)) = value(Key::Region)
        && !region
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        return wrong(key, &region, "the name of a region, such as eu-north-1");
    }
    if let Some((key, path)) = value(Key::ContainerCredentialsRelativeUri)
        && !(path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        return wrong(key, &path, "a path of a URL");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_make_no_url_are_refused() {
        use AmazonS3ConfigKey as Key;
        for (key, value, part) in [
            (Key::Endpoint, "not a URL", "AWS_ENDPOINT is `not a URL`"),
            (Key::S3Endpoint, "minio:9000", "http:// or https://"),
            (Key::StsEndpoint, "http://", "http:// or https://"),
            (Key::Region, "eu north", "name of a region"),
            (Key::ContainerCredentialsRelativeUri, "x", "path of a URL"),
        ] {
            let builder = AmazonS3Builder::new().with_config(key, value);
            let fault = check(&builder).unwrap_err().to_string();
            assert!(fault.contains(part), "{fault}");
        }
        let plain = AmazonS3Builder::new().with_endpoint("http://127.0.0.1:9000/s3");
        assert!(check(&plain).is_ok());
    }
}
