//! An asset root: where content lies.

use std::{
    borrow::Cow,
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::builder::{OsStringValueParser, TypedValueParser};
use serde::{Deserialize, Serialize};
use store::uri::Uri;

/// A local folder or file, or a place in a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) enum Root {
    /// A folder, or a single media file.
    Path(PathBuf),
    /// A place in an object store.
    Store(Uri),
}

impl Root {
    /// Returns the parser for flags: paths need not be UTF-8.
    pub(crate) fn parser() -> impl TypedValueParser<Value = Self> {
        OsStringValueParser::new().try_map(|text| match OsString::into_string(text) {
            Ok(text) => Self::try_from(text),
            Err(text) => Ok(Self::Path(text.into())),
        })
    }

    /// Returns the local path, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Store(_) => None,
        }
    }

    /// Returns the local path, if it is one.
    pub(super) fn path_mut(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::Path(path) => Some(path),
            Self::Store(_) => None,
        }
    }
}

impl TryFrom<String> for Root {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match Uri::parse(&text).map_err(|error| error.to_string())? {
            Uri::Path(path) => Ok(Self::Path(path)),
            uri @ Uri::S3 { .. } => Ok(Self::Store(uri)),
            uri @ (Uri::Http(_) | Uri::Nats(_)) => Err(format!(
                "`{uri}` is not supported as an asset root; give a path, file:///path or \
                 s3://bucket/prefix"
            )),
        }
    }
}

impl From<Root> for String {
    fn from(root: Root) -> Self {
        match root {
            Root::Path(path) => path.display().to_string(),
            Root::Store(uri) => uri.to_string(),
        }
    }
}

impl schemars::JsonSchema for Root {
    fn schema_name() -> Cow<'static, str> {
        "Root".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "minLength": 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Root, String> {
        Root::try_from(text.to_owned())
    }

    #[test]
    fn paths_and_buckets_are_roots() {
        assert_eq!(read("films"), Ok(Root::Path("films".into())));
        assert_eq!(read("file:///srv/a%20b"), Ok(Root::Path("/srv/a b".into())));
        let bucket = read("s3://bucket/vod").unwrap();
        assert!(matches!(bucket, Root::Store(_)));
        assert_eq!(String::from(bucket), "s3://bucket/vod");
    }

    #[test]
    fn other_places_are_refused() {
        for text in ["http://h/vod", "https://h/vod", "nats://h:4222/vod"] {
            let error = read(text).unwrap_err();
            assert!(error.contains("not supported as an asset root"), "{error}");
        }
        assert!(read("ftp://h/x").unwrap_err().contains("unknown scheme"));
    }
}
