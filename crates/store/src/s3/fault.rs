//! What can be wrong with a bucket, and what to do about it.
//!
//! The client hands on the server's answer as text; its `<Code>` says more than its status.

use std::{error::Error as StdError, io, path::PathBuf};

use object_store::client::{HttpError, HttpErrorKind};

/// What is wrong, with advice.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The place is not one in an object store.
    #[error("not a place in an object store, which is written s3://bucket/prefix")]
    NotAStore,
    /// The `AWS_*` variables cannot be used.
    #[error("the AWS_* variables cannot be used: {0}")]
    Settings(String),
    /// Nothing says who we are.
    #[error(
        "no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
         AWS_SKIP_SIGNATURE=true for a public bucket (profiles in ~/.aws are not read)"
    )]
    NoCredentials,
    /// The server does not know us.
    #[error(
        "the credentials are refused ({0}): check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
         AWS_SESSION_TOKEN"
    )]
    BadCredentials(String),
    /// The server knows us and does not let us.
    #[error(
        "access is denied ({0}): s3:ListBucket on the bucket and s3:GetObject on its objects are \
         needed"
    )]
    Denied(String),
    /// No bucket has this name.
    #[error(
        "there is no such bucket: check its name, and AWS_ENDPOINT_URL if it is not one of AWS"
    )]
    NoSuchBucket,
    /// The bucket lies in another region than the one that was asked.
    #[error("the bucket lies in another region: set AWS_REGION to it ({0})")]
    WrongRegion(String),
    /// The server cannot be reached, or does not answer.
    #[error("cannot be reached: {0}; check the network and AWS_ENDPOINT_URL")]
    Unreachable(String),
    /// The prefix is one manifest, which is nothing without what it names.
    #[error("a single manifest is no asset: name the folder that it lies in")]
    LoneManifest,
    /// A key that has no place in a file system.
    #[error("a key cannot be a file name: {0}")]
    BadKey(String),
    /// Objects were replaced whenever they were about to be read.
    #[error("it is written to faster than it can be read")]
    Changing,
    /// Something of the local copy cannot be written or read.
    #[error("{path}: {source}")]
    Local {
        /// File or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Anything else that the server or its client said.
    #[error("{0}")]
    Other(String),
}

impl Fault {
    /// Tells whether it may be over by itself, such as an outage.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::Changing | Self::Other(_) | Self::Local { .. }
        )
    }

    /// Makes a function that names a local file in an error.
    pub(crate) fn local(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Local {
            path: path.into(),
            source,
        }
    }

    /// Reads why no client could be made.
    pub(super) fn of_settings(error: object_store::Error) -> Self {
        Self::Settings(innermost(&error).to_string())
    }
}

impl From<object_store::Error> for Fault {
    fn from(error: object_store::Error) -> Self {
        if let object_store::Error::InvalidPath { source } = &error {
            return Self::BadKey(source.to_string());
        }
        let text = error.to_string();
        if text.contains("/latest/api/token") || text.contains("/latest/meta-data/iam/") {
            // The last resort, a cloud machine's own service, was asked and did not help.
            return Self::NoCredentials;
        }
        if let Some(code) = between(&text, "<Code>", "</Code>") {
            return Self::of_code(code, &text);
        }
        if text.contains("incorrectly configured region") {
            return Self::WrongRegion("the server redirects".to_owned());
        }
        match &error {
            object_store::Error::PermissionDenied { .. } => Self::Denied("403".to_owned()),
            object_store::Error::Unauthenticated { .. } => Self::BadCredentials("401".to_owned()),
            _ if is_outage(&error) => Self::Unreachable(innermost(&error).to_string()),
            _ => Self::Other(text),
        }
    }
}

impl Fault {
    /// Reads a code of the S3 API ("Error responses", list of error codes).
    fn of_code(code: &str, text: &str) -> Self {
        let owned = code.to_owned();
        match code {
            "NoSuchBucket" => Self::NoSuchBucket,
            "InvalidAccessKeyId"
            | "NotSignedUp"
            | "SignatureDoesNotMatch"
            | "ExpiredToken"
            | "InvalidToken"
            | "TokenRefreshRequired" => Self::BadCredentials(owned),
            "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => Self::Denied(owned),
            "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraint" => {
                Self::WrongRegion(owned)
            }
            "InternalError" | "ServiceUnavailable" | "SlowDown" => Self::Unreachable(owned),
            _ => {
                let message = between(text, "<Message>", "</Message>").unwrap_or_default();
                Self::Other(format!("{code}: {message}"))
            }
        }
    }
}

/// Tells whether the network is at fault, or a server that is out of order.
fn is_outage(error: &object_store::Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(this) = cause {
        if let Some(http) = this.downcast_ref::<HttpError>() {
            return !matches!(http.kind(), HttpErrorKind::Decode);
        }
        cause = this.source();
    }
    error.to_string().contains("status code: 5")
}

fn innermost<'e>(error: &'e (dyn StdError + 'static)) -> &'e (dyn StdError + 'static) {
    let mut inner = error;
    while let Some(cause) = inner.source() {
        inner = cause;
    }
    inner
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(inner, _)| inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(answer: &str) -> String {
        Fault::from(object_store::Error::Generic {
            store: "S3",
            source: answer.into(),
        })
        .to_string()
    }

    #[test]
    fn every_fault_says_what_to_do() {
        for (answer, part) in [
            ("404: <Code>NoSuchBucket</Code>", "no such bucket"),
            (
                "403: <Code>InvalidAccessKeyId</Code>",
                "check AWS_ACCESS_KEY_ID",
            ),
            ("403: <Code>AccessDenied</Code>", "s3:ListBucket"),
            ("301: <Code>PermanentRedirect</Code>", "set AWS_REGION"),
            (
                "redirect, an incorrectly configured region",
                "set AWS_REGION",
            ),
            (
                "PUT http://169.254.169.254/latest/api/token",
                "AWS_SECRET_ACCESS_KEY",
            ),
            ("503: <Code>SlowDown</Code>", "cannot be reached"),
            ("status code: 502 Bad Gateway", "cannot be reached"),
            ("400: <Code>Odd</Code><Message>Hm.</Message>", "Odd: Hm."),
            ("anything", "anything"),
        ] {
            let text = said(answer);
            assert!(text.contains(part), "{answer}: {text}");
        }
    }

    #[test]
    fn a_key_with_an_empty_part_is_named() {
        let source = object_store::path::Path::parse("a//b").unwrap_err();
        let fault = Fault::from(object_store::Error::InvalidPath { source });
        assert!(fault.to_string().contains("a//b"), "{fault}");
        assert!(!fault.may_pass());
    }
}
