//! Flags of how inputs are downloaded.

use std::{path::PathBuf, time::Duration};

use transcode::fetch::{Limits, Options};

use crate::{text, transcoding::Error};

/// How inputs that are no files are asked for.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Input")]
pub(super) struct Fetching {
    /// A header of requests over HTTP, `Name: value`; any number. Never shown, never kept
    #[arg(
        long = "header",
        env = "HEADEND_HEADER",
        hide_env_values = true,
        value_name = "HEADER"
    )]
    headers: Vec<String>,
    /// SHA-256 that the input must have; nothing is published of another one
    #[arg(long, env = "HEADEND_CHECKSUM", value_name = "sha256:HEX", value_parser = checksum)]
    pub(super) checksum: Option<String>,
    /// Greatest rate of downloads in bytes a second, such as `10M`
    #[arg(long, env = "HEADEND_LIMIT_RATE", value_name = "BYTES", value_parser = text::parse_bytes)]
    limit_rate: Option<u64>,
    /// How often in a row a download may break without getting any further [default: 8]
    #[arg(long, env = "HEADEND_RETRIES", value_name = "N")]
    retries: Option<u32>,
    /// How long nothing may arrive until the download counts as broken [default: 30]
    #[arg(
        long,
        env = "HEADEND_IDLE_SECONDS",
        value_name = "S",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    idle_seconds: Option<u32>,
    /// Longest time that a download may take in all
    #[arg(
        long,
        env = "HEADEND_MAX_SECONDS",
        value_name = "S",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    max_seconds: Option<u32>,
    /// Greatest size of an input, such as `20G`
    #[arg(long, env = "HEADEND_MAX_SIZE", value_name = "BYTES", value_parser = text::parse_bytes)]
    max_size: Option<u64>,
    /// URL of a proxy for HTTP [default: as the environment says]
    #[arg(
        long,
        env = "HEADEND_PROXY",
        hide_env_values = true,
        value_name = "URL"
    )]
    proxy: Option<String>,
    /// PEM file with certificates to trust besides the bundled ones
    #[arg(long, env = "HEADEND_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Let servers of FTP open the data connections (active mode)
    #[arg(long, env = "HEADEND_FTP_ACTIVE")]
    ftp_active: bool,
}

impl Fetching {
    /// Returns how inputs are asked for.
    pub(super) fn options(&self) -> Result<Options, Error> {
        let headers = self.headers.iter().map(|line| header(line));
        let seconds = |s: u32| Duration::from_secs(s.into());
        let defaults = Options::default();
        Ok(Options {
            headers: headers.collect::<Result<_, _>>()?,
            proxy: self.proxy.clone(),
            extra_roots: self.ca_file.clone(),
            ftp_active: self.ftp_active,
            rate: self.limit_rate,
            read_timeout: self.idle_seconds.map_or(defaults.read_timeout, seconds),
            attempts: self.retries.unwrap_or(defaults.attempts),
            limits: Limits {
                bytes: self.max_size,
                time: self.max_seconds.map(seconds),
                ..defaults.limits
            },
            ..defaults
        })
    }
}

/// Takes a header apart. Its value is not for errors.
fn header(line: &str) -> Result<(String, String), Error> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    line.split_once(':')
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .filter(|(name, _)| !name.is_empty() && name.chars().all(is_name))
        .ok_or_else(|| Error::Usage("`--header` takes `Name: value`".to_owned()))
}

/// Reads `sha256:` and 64 hexadecimal digits.
fn checksum(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(digits.to_ascii_lowercase())
    } else {
        Err("a SHA-256 has 64 hexadecimal digits".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_taken_apart_and_not_told() {
        let taken = header("Authorization: Bearer a:b").unwrap();
        assert_eq!(taken, ("Authorization".to_owned(), "Bearer a:b".to_owned()));
        for wrong in ["secret", ": secret", "a b: secret"] {
            let error = header(wrong).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn checksums_are_sha_256() {
        let digits = "0".repeat(63) + "A";
        for text in [digits.clone(), format!("sha256:{digits}")] {
            assert_eq!(checksum(&text).unwrap(), digits.to_lowercase());
        }
        for wrong in ["", "sha256:", "md5:00", &digits[1..]] {
            assert!(checksum(wrong).is_err(), "{wrong}");
        }
    }
}
