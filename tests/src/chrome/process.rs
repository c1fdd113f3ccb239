//! The browser as a process: found, started once, and asked things over its pipe.
//!
//! Messages are JSON that ends with a zero byte; answers carry the call's id, events the session of their tab
//! (<https://chromedevtools.github.io/devtools-protocol/>).

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::trouble::{Story, Trouble};
use crate::wait::PATIENCE;

/// What the program may be called on PATH.
const NAMES: [&str; 5] = ["chromium", "google-chrome-stable", "google-chrome", "chrome", "chromium-browser"];

/// Where it lies where it is not on PATH.
const PLACES: [&str; 4] = [
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/opt/google/chrome/chrome",
    "/snap/bin/chromium",
];

/// The pipe's ends are the third and the fourth file of the browser. Its profile is gone when it has ended.
const START: &str = r#"
profile=$(mktemp -d) || exit 1
trap : INT TERM HUP
exec 3<&0 4>&1 </dev/null >/dev/null
"$@" --user-data-dir="$profile"
exec 3<&- 4>&-
rm -rf "$profile"
"#;

/// It sees this machine's own addresses and nothing else. Its own sandbox is off, as containers and root do without: it is
/// shown our pages only.
const ARGUMENTS: [&str; 14] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--hide-scrollbars",
    "--no-proxy-server",
    "--lang=en",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/// How many of its last words are kept.
const LAST_LINES: usize = 15;

/// The running browser.
pub struct Process {
    pipe: Mutex<ChildStdin>,
    next_call: AtomicU64,
    heard: Mutex<Option<Heard>>,
    last_words: Mutex<VecDeque<String>>,
}

/// Who waits for what. None of it once the browser has ended.
#[derive(Default)]
struct Heard {
    calls: HashMap<u64, oneshot::Sender<Result<Value, String>>>,
    sessions: HashMap<String, mpsc::UnboundedSender<Value>>,
}

impl Process {
    /// The one browser of this program.
    pub fn running() -> Story<Arc<Self>> {
        static RUNNING: OnceLock<Result<Arc<Process>, String>> = OnceLock::new();
        RUNNING.get_or_init(|| Self::start().map_err(|trouble| trouble.to_string())).clone().map_err(Trouble::new)
    }

    fn start() -> Story<Arc<Self>> {
        let program = find()?;
        let mut child = Command::new("sh")
            .args(["-c", START, "sh"])
            .arg(&program)
            .args(ARGUMENTS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (pipe, answers, words) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(pipe), Some(answers), Some(words)) = (pipe, answers, words) else {
            return Err(Trouble::new("a browser without a pipe"));
        };
        let process = Arc::new(Self {
            pipe: Mutex::new(pipe),
            next_call: AtomicU64::new(1),
            heard: Mutex::new(Some(Heard::default())),
            last_words: Mutex::default(),
        });
        let listener = process.clone();
        thread::spawn(move || listener.listen(answers));
        let listener = process.clone();
        thread::spawn(move || {
            for line in BufReader::new(words).lines().map_while(Result::ok) {
                let mut last_words = lock(&listener.last_words);
                last_words.push_back(line);
                if last_words.len() > LAST_LINES {
                    last_words.pop_front();
                }
            }
            // Nobody else asks how it ended.
            let _ = child.wait();
        });
        Ok(process)
    }

    fn listen(&self, answers: impl Read) {
        for message in BufReader::new(answers).split(0).map_while(Result::ok) {
            let Ok(message) = serde_json::from_slice::<Value>(&message) else { continue };
            let mut heard = lock(&self.heard);
            let Some(heard) = heard.as_mut() else { return };
            if let Some(call) = message["id"].as_u64().and_then(|id| heard.calls.remove(&id)) {
                let answer = match message["error"]["message"].as_str() {
                    Some(error) => Err(error.to_owned()),
                    None => Ok(message["result"].clone()),
                };
                let _ = call.send(answer);
            } else if let Some(session) = message["sessionId"].as_str().and_then(|id| heard.sessions.get(id)) {
                let _ = session.send(message);
            }
        }
        *lock(&self.heard) = None;
    }

    /// Asks it something, in a tab's session or outside of any.
    pub async fn call(&self, session: Option<&str>, method: &str, parameters: Value) -> Story<Value> {
        let (answer, answered) = oneshot::channel();
        let id = self.next_call.fetch_add(1, Ordering::Relaxed);
        match lock(&self.heard).as_mut() {
            Some(heard) => heard.calls.insert(id, answer),
            None => return Err(self.has_ended()),
        };
        self.send(id, session, method, &parameters)?;
        match timeout(PATIENCE, answered).await {
            Ok(Ok(Ok(result))) => Ok(result),
            Ok(Ok(Err(error))) => Err(Trouble::new(format!("the browser refuses {method}: {error}"))),
            Ok(Err(_)) => Err(self.has_ended()),
            Err(_) => Err(Trouble::new(format!("the browser does not answer {method}"))),
        }
    }

    /// Tells it something and does not wait.
    pub fn tell(&self, session: Option<&str>, method: &str, parameters: &Value) {
        let id = self.next_call.fetch_add(1, Ordering::Relaxed);
        let _ = self.send(id, session, method, parameters);
    }

    /// What happens in a session from now on.
    pub fn events_of(&self, session: &str) -> Story<mpsc::UnboundedReceiver<Value>> {
        let (event, events) = mpsc::unbounded_channel();
        match lock(&self.heard).as_mut() {
            Some(heard) => heard.sessions.insert(session.to_owned(), event),
            None => return Err(self.has_ended()),
        };
        Ok(events)
    }

    fn send(&self, id: u64, session: Option<&str>, method: &str, parameters: &Value) -> Story {
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = serde_json::to_vec(&message)?;
        bytes.push(0);
        Ok(lock(&self.pipe).write_all(&bytes)?)
    }

    fn has_ended(&self) -> Trouble {
        let words: Vec<_> = lock(&self.last_words).iter().cloned().collect();
        Trouble::new(format!("the browser has ended: {}", words.join("\n    ")))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The one that `CHROMIUM` names, else one on PATH, else one where it usually lies.
fn find() -> Story<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM").filter(|named| !named.is_empty()) {
        return Ok(named.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = NAMES.iter().flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)));
    let found = on_path.chain(PLACES.iter().map(PathBuf::from)).find(|program| program.is_file());
    found.ok_or_else(|| Trouble::new("there is no Chromium or Chrome: run ./ops/test, or name one in CHROMIUM"))
}
