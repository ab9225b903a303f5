//! Why a client does not get a stream, and the status that says so.

use http::{HeaderValue, StatusCode, header};
use process::supervise::{Class, Reason};
use serve::{Response, cors, reply};

use crate::config::BadQuery;

/// Seconds after which a client that was refused may try again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// Why a client does not get a stream.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such stream.
    #[error("There is no such stream.")]
    Unknown,
    /// Nobody said who it is, or it may not.
    #[error("This stream needs a user and a password, or a token.")]
    Unauthorized,
    /// The query is not allowed.
    #[error(transparent)]
    Query(#[from] BadQuery),
    /// There are too many clients, for the stream, for the address or for all.
    #[error("There are too many clients; {0}.")]
    Full(&'static str),
    /// The command did not start, failed, or ended without a byte.
    #[error("The source of this stream does not work.")]
    Failed(Reason),
    /// The picture could not be made.
    #[error("The picture could not be made.")]
    NoPicture {
        /// What the command said, last lines, secrets masked.
        said: Vec<String>,
    },
    /// Nothing came in time.
    #[error("The source of this stream gave nothing in time.")]
    Late,
    /// The server stops.
    #[error("The server stops.")]
    Closing,
}

impl Refusal {
    /// Returns the status. Codes are chosen as voyandz has them where it has any.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Query(_) => StatusCode::BAD_REQUEST,
            Self::Full(_) | Self::Closing => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed(reason) => match reason.class {
                Class::Missing | Class::Config => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::BAD_GATEWAY,
            },
            Self::NoPicture { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Late => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Makes the answer. With `exposed` it tells what the command said.
    pub fn response(&self, exposed: bool) -> Response {
        let mut text = self.to_string();
        match self {
            Self::Failed(reason) if exposed => {
                text.push('\n');
                text.push_str(&reason.text);
            }
            Self::NoPicture { said } if exposed => {
                for line in said {
                    text.push('\n');
                    text.push_str(line);
                }
            }
            _ => {}
        }
        // Plain text: nothing that a command says is taken for a page.
        let mut response = reply::text(self.status(), text);
        let headers = response.headers_mut();
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::Full(_) | Self::Closing => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            Self::Unauthorized => {
                let basic = HeaderValue::from_static("Basic realm=\"stream\", charset=\"UTF-8\"");
                headers.insert(header::WWW_AUTHENTICATE, basic);
            }
            _ => {}
        }
        cors::allow_all(headers);
        response
    }
}
