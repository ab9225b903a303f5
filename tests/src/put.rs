//! A server that takes PUT, DELETE and POST, and that can be away for a while: connections are refused
//! then, and open ones are broken.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::launch;

/// A running server; it ends with this.
#[derive(Debug)]
pub struct Shelf {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether it is there.
    open: bool,
    connections: Vec<TcpStream>,
    objects: BTreeMap<String, Vec<u8>>,
    /// Paths in the order in which they were put or, with `-` before them, removed.
    order: Vec<String>,
    posts: Vec<Post>,
    /// How many requests are still to be refused with 503.
    refusals: u32,
}

/// Something that was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Path below the place.
    pub path: String,
    /// Header fields, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Shelf {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// When there is no loopback interface.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let shelf = Self {
            address: listener.local_addr().expect("address"),
            state: Arc::default(),
        };
        shelf.serve(listener);
        shelf
    }

    /// Returns its address as a publishing target.
    pub fn url(&self) -> String {
        format!("http://{}/up/", self.address)
    }

    /// Lets it go away.
    pub fn leave(&self) {
        let mut state = self.lock();
        state.open = false;
        for connection in state.connections.drain(..) {
            // It may be closed already.
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(state);
        // Wakes the one that accepts, which then goes.
        let _ = TcpStream::connect(self.address);
        launch::wait_for("the listener to be closed", || {
            TcpStream::connect(self.address).is_err().then_some(())
        });
    }

    /// Lets it come back on its port, with what it had.
    pub fn come_back(&self) {
        let listener = launch::wait_for("the port", || TcpListener::bind(self.address).ok());
        self.serve(listener);
    }

    /// Returns an object, by its path below the place.
    pub fn get(&self, path: &str) -> Option<Vec<u8>> {
        self.lock().objects.get(path).cloned()
    }

    /// Returns an object as text.
    pub fn text(&self, path: &str) -> Option<String> {
        String::from_utf8(self.get(path)?).ok()
    }

    /// Returns the paths of what is there.
    pub fn paths(&self) -> Vec<String> {
        self.lock().objects.keys().cloned().collect()
    }

    /// Returns what was put, and with `-` before it removed, in order.
    pub fn order(&self) -> Vec<String> {
        self.lock().order.clone()
    }

    /// Returns what was posted, in order.
    pub fn posts(&self) -> Vec<Post> {
        self.lock().posts.clone()
    }

    /// Refuses the next requests with 503.
    pub fn refuse(&self, count: u32) {
        self.lock().refusals = count;
    }

    fn serve(&self, listener: TcpListener) {
        self.lock().open = true;
        let state = Arc::clone(&self.state);
        thread::spawn(move || {
            while let Ok((connection, _)) = listener.accept() {
                let mut shared = lock(&state);
                if !shared.open {
                    break;
                }
                shared.connections.extend(connection.try_clone());
                drop(shared);
                let state = Arc::clone(&state);
                // It ends when the other side hangs up or `leave` breaks it.
                thread::spawn(move || while answer(&connection, &state).is_ok() {});
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        if self.lock().open {
            self.leave();
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers one request.
fn answer(connection: &TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let path = path.trim_start_matches("/up/").to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut field = String::new();
        reader.read_line(&mut field)?;
        let Some((name, value)) = field.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map(|text| text.parse());
    let length = length.transpose().map_err(io::Error::other)?;
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let mut shared = lock(state);
    if !shared.open {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    let status = match method {
        _ if shared.refusals > 0 => {
            shared.refusals -= 1;
            "503 Service Unavailable"
        }
        "POST" => {
            shared.posts.push(Post {
                path,
                headers,
                body,
            });
            "204 No Content"
        }
        "PUT" => {
            shared.order.push(path.clone());
            shared.objects.insert(path, body);
            "201 Created"
        }
        "DELETE" => {
            shared.order.push(format!("-{path}"));
            shared.objects.remove(&path);
            "204 No Content"
        }
        _ => "405 Method Not Allowed",
    };
    drop(shared);
    let mut writer = connection;
    write!(writer, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")
}
