//! A small blocking HTTP/1.1 client: one connection a request unless it is [`Kept`], no redirects, no
//! compression.
//!
//! It shows what went over the wire as it was, which is what the scenarios judge.

use std::{
    fmt,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

/// How long one read or write may take before the scenario fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// An answer, read to its end.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Header fields in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, with chunked coding taken off.
    pub body: Vec<u8>,
}

impl Answer {
    /// Returns the value of a header field, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns the body as text.
    ///
    /// # Panics
    /// When it is not UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("body is UTF-8")
    }

    /// Returns the answer itself when its status is `status`.
    ///
    /// # Panics
    /// When it is not, with what the server said.
    #[expect(
        clippy::return_self_not_must_use,
        reason = "often the whole of an assertion"
    )]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

/// Shows the status, the header and the beginning of a text body.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} ", self.status, self.headers)?;
        match std::str::from_utf8(&self.body) {
            Ok(text) => f.write_str(&text.chars().take(600).collect::<String>()),
            Err(_) => write!(f, "<{} bytes>", self.body.len()),
        }
    }
}

/// A request being put together.
#[derive(Debug)]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// Begins a GET of an absolute `http://` URL.
pub fn get(url: &str) -> Request {
    request("GET", url)
}

/// Begins a request.
pub fn request(method: &str, url: &str) -> Request {
    Request {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
    }
}

impl Request {
    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("Content-Type", "application/json")
    }

    /// Sends the request and reads the whole answer.
    ///
    /// # Panics
    /// When the server cannot be reached or does not speak HTTP.
    pub fn send(self) -> Answer {
        let what = format!("{} {}", self.method, self.url);
        self.try_send()
            .unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// Sends the request and reads the whole answer.
    pub fn try_send(self) -> std::io::Result<Answer> {
        let head_only = self.method == "HEAD";
        read_answer(&mut self.open()?, head_only)
    }

    /// Sends the request and returns the connection, from which nothing has been read: for
    /// scenarios with a client that reads slowly or goes away.
    pub fn open(self) -> std::io::Result<BufReader<TcpStream>> {
        let rest = self
            .url
            .strip_prefix("http://")
            .ok_or_else(|| std::io::Error::other("not an http:// URL"))?;
        let (host, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut head = format!(
            "{} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n",
            self.method
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() || self.method == "POST" {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        stream.write_all(&self.body)?;
        Ok(BufReader::new(stream))
    }
}

/// A connection that is kept alive, for scenarios that time requests. Requests are GETs.
#[derive(Debug)]
pub struct Kept {
    host: String,
    /// The connection; what it has to say can be waited for.
    pub reader: BufReader<TcpStream>,
}

impl Kept {
    /// Connects to `http://host:port`.
    pub fn connect(base: &str) -> std::io::Result<Self> {
        let host = base.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            host,
            reader: BufReader::with_capacity(64 << 10, stream),
        })
    }

    /// Sends a request; its answer is still to be read.
    pub fn ask(&mut self, path: &str) -> std::io::Result<()> {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.reader.get_mut().write_all(head.as_bytes())
    }

    /// Reads the answer to the oldest request that has none.
    pub fn answer(&mut self) -> std::io::Result<Answer> {
        read_answer(&mut self.reader, false)
    }

    /// Sends a request and reads its answer.
    pub fn get(&mut self, path: &str) -> std::io::Result<Answer> {
        self.ask(path)?;
        self.answer()
    }
}

fn read_answer(reader: &mut impl BufRead, head_only: bool) -> std::io::Result<Answer> {
    let (status, headers) = read_head(reader)?;
    let body = if head_only || status == 204 || status == 304 {
        Vec::new()
    } else {
        read_body(reader, &headers)?
    };
    Ok(Answer {
        status,
        headers,
        body,
    })
}

type Head = (u16, Vec<(String, String)>);

/// Reads the status line and the header fields.
pub fn read_head(reader: &mut impl BufRead) -> std::io::Result<Head> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|code| code.trim().parse().ok())
        .ok_or_else(|| std::io::Error::other(format!("no status line but {line:?}")))?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let field = line.trim_end();
        if field.is_empty() {
            return Ok((status, headers));
        }
        if let Some((name, value)) = field.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
}

fn read_body(reader: &mut impl BufRead, headers: &[(String, String)]) -> std::io::Result<Vec<u8>> {
    let field = |name: &str| {
        headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let mut body = Vec::new();
    if field("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        read_chunked(reader, &mut body)?;
    } else if let Some(length) = field("content-length").and_then(|text| text.parse().ok()) {
        body.resize(length, 0);
        reader.read_exact(&mut body)?;
    } else {
        reader.read_to_end(&mut body)?;
    }
    Ok(body)
}

fn read_chunked(reader: &mut impl BufRead, body: &mut Vec<u8>) -> std::io::Result<()> {
    let mut line = String::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim().split(';').next().unwrap_or(""), 16)
            .map_err(|_| std::io::Error::other(format!("bad chunk size {line:?}")))?;
        let start = body.len();
        body.resize(start + size, 0);
        reader.read_exact(&mut body[start..])?;
        line.clear();
        reader.read_line(&mut line)?;
        if size == 0 {
            return Ok(());
        }
    }
}
