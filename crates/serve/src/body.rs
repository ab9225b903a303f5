//! Bodies of answers: ordered shared slices, sent as they are.
//!
//! Every frame is a plain `Bytes`; other `Buf`s may lose bytes in hyper's vectored writes
//! (hyperium/hyper#4132). The length is always exact except for [`Body::stream`].

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, combinators::UnsyncBoxBody};

/// Any error of a streamed body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer.
pub struct Body(Inner);

enum Inner {
    Empty,
    One(Bytes),
    Slices {
        slices: vec::IntoIter<Bytes>,
        left: u64,
    },
    Stream(UnsyncBoxBody<Bytes, BoxError>),
}

impl Body {
    /// Makes a body without bytes.
    pub const fn empty() -> Self {
        Self(Inner::Empty)
    }

    /// Makes a body of ordered slices, one frame each; empty ones are left out.
    pub fn slices(mut slices: Vec<Bytes>) -> Self {
        let left = slices.iter().map(|slice| slice.len() as u64).sum();
        match (slices.len(), left) {
            (_, 0) => Self::empty(),
            (1, _) => slices.pop().map_or(Self::empty(), Self::from),
            _ => Self(Inner::Slices {
                slices: slices.into_iter(),
                left,
            }),
        }
    }

    /// Makes a body of which the length is not known beforehand, or that comes over time. This is
    /// the only variant that allocates for itself.
    pub fn stream<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(Inner::Stream(body.map_err(Into::into).boxed_unsync()))
    }

    /// Returns the length in bytes, when it is known.
    pub fn len(&self) -> Option<u64> {
        http_body::Body::size_hint(self).exact()
    }

    /// Tells whether it is known that no byte is left.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            Self::empty()
        } else {
            Self(Inner::One(bytes))
        }
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len() {
            Some(len) => write!(f, "Body({len} bytes)"),
            None => f.write_str("Body(stream)"),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let next = match &mut self.0 {
            Inner::Empty => None,
            Inner::One(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Inner::Empty;
                Some(bytes)
            }
            Inner::Slices { slices, left } => {
                let next = slices.find(|slice| !slice.is_empty());
                *left -= next.as_ref().map_or(0, |slice| slice.len() as u64);
                next
            }
            Inner::Stream(stream) => return Pin::new(stream).poll_frame(cx),
        };
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    /// Becomes true with the last slice, so that it leaves together with the end of the message.
    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Empty => true,
            Inner::One(_) => false,
            Inner::Slices { left, .. } => *left == 0,
            Inner::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Empty => SizeHint::with_exact(0),
            Inner::One(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Slices { left, .. } => SizeHint::with_exact(*left),
            Inner::Stream(stream) => stream.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::Full;

    use super::*;

    fn frames(mut body: Body) -> Vec<(Bytes, bool)> {
        let mut frames = Vec::new();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        while let Poll::Ready(Some(frame)) = Pin::new(&mut body).poll_frame(&mut cx) {
            let data = frame.unwrap().into_data().unwrap();
            frames.push((data, body.is_end_stream()));
        }
        assert!(body.is_empty());
        frames
    }

    #[test]
    fn slices_are_frames_and_the_last_one_ends_the_body() {
        let parts = ["head", "", "payload", ""].map(Bytes::from).to_vec();
        let body = Body::slices(parts);
        assert_eq!(body.len(), Some(11));
        assert_eq!(
            frames(body),
            [("head".into(), false), ("payload".into(), true)]
        );
    }

    #[test]
    fn small_bodies_have_no_list() {
        assert!(Body::slices(Vec::new()).is_end_stream());
        assert!(Body::slices(vec![Bytes::new(), Bytes::new()]).is_end_stream());
        let one = Body::slices(vec![Bytes::from_static(b"x")]);
        assert!(matches!(one.0, Inner::One(_)));
        assert_eq!(frames(one), [("x".into(), true)]);
    }

    #[test]
    fn a_stream_keeps_what_it_knows_of_its_length() {
        let body = Body::stream(Full::new(Bytes::from_static(b"abc")));
        assert_eq!(body.len(), Some(3));
        assert_eq!(frames(body), [("abc".into(), true)]);
    }
}
