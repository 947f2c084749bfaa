//! A real browser without a window, driven over a pair of pipes by the DevTools protocol.

use std::{
    collections::VecDeque,
    fs,
    io::Write,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use annals_infra::dev::harness;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::unix::pipe,
    process::{Child, Command},
    time::timeout,
};
use uuid::Uuid;

/// How long something is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// What browsers of this kind are called.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "headless_shell"];

/// A page of a browser.
pub struct Browser {
    child: Child,
    to: pipe::Sender,
    from: BufReader<pipe::Receiver>,
    session: String,
    calls: u64,
    /// What the page complained of: errors, and what its policy kept out.
    complaints: VecDeque<String>,
    folder: PathBuf,
}

/// The browser of this machine: `ANNALS_TEST_CHROMIUM`, or one on the path.
fn program() -> Option<PathBuf> {
    if let Some(given) = std::env::var_os("ANNALS_TEST_CHROMIUM") {
        return Some(PathBuf::from(given)).filter(|it| it.is_file());
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let all = NAMES.iter().flat_map(|name| folders.iter().map(move |it| it.join(name)));
    all.into_iter().find(|it| it.is_file())
}

impl Browser {
    /// Opens an empty page, or says loudly that there is no browser here.
    pub async fn open() -> Option<Self> {
        let Some(program) = program() else {
            // Not what the harness captures of tests that pass: this is to be seen.
            let text = "\n*** SKIPPED: the console was NOT tested in a browser, since there is none \
                        here.\n*** Install chromium (apt-get install chromium), or name one in \
                        ANNALS_TEST_CHROMIUM.\n\n";
            std::io::stderr().write_all(text.as_bytes()).unwrap();
            return None;
        };
        let folder = harness::scratch().unwrap().join(format!("browser-{}", Uuid::now_v7()));
        fs::create_dir_all(&folder).unwrap();
        let (to, from) = (folder.join("to"), folder.join("from"));
        let made = Command::new("mkfifo").arg(&to).arg(&from).status().await.unwrap();
        assert!(made.success());
        let profile = format!("--user-data-dir={}", folder.join("profile").display());
        let child = Command::new("sh")
            .args(["-c", r#"exec "$@" 3<"$TO" 4>"$FROM""#, "sh"])
            .arg(program)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"])
            .args(["--disable-dev-shm-usage", "--disable-background-networking"])
            .args(["--remote-debugging-pipe", "--hide-scrollbars", &profile])
            .env("TO", &to)
            .env("FROM", &from)
            .env("HOME", &folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        // Open both ways, so that neither side waits for the other to open its end.
        let sender = pipe::OpenOptions::new().read_write(true).open_sender(&to).unwrap();
        let receiver = pipe::OpenOptions::new().read_write(true).open_receiver(&from).unwrap();
        let mut browser = Self {
            child,
            to: sender,
            from: BufReader::new(receiver),
            session: String::new(),
            calls: 0,
            complaints: VecDeque::new(),
            folder,
        };
        let page = browser.call("Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": page["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attach).await;
        browser.session = session["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log", "Accessibility"] {
            browser.call(&format!("{domain}.enable"), json!({})).await;
        }
        browser.size(1280, 900, "light").await;
        Some(browser)
    }

    /// Calls a method of the protocol.
    pub async fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut message = json!({"id": self.calls, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = self.session.as_str().into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).await.unwrap();
        loop {
            let mut bytes = Vec::new();
            let read = timeout(PATIENCE, self.from.read_until(0, &mut bytes)).await;
            read.unwrap_or_else(|_| panic!("{method}: the browser does not answer")).unwrap();
            bytes.pop();
            let heard: Value = serde_json::from_slice(&bytes).unwrap();
            if heard["id"] == self.calls {
                assert!(heard["error"].is_null(), "{method}: {}", heard["error"]);
                return heard["result"].clone();
            }
            let params = &heard["params"];
            match heard["method"].as_str() {
                Some("Runtime.exceptionThrown") => self.complaints.push_back(params.to_string()),
                // Whoever is not signed in is told so: that is how the page knows.
                Some("Log.entryAdded")
                    if params["entry"]["level"] == "error"
                        && !params.to_string().contains("401 (Unauthorized)") =>
                {
                    self.complaints.push_back(params.to_string());
                }
                _ => {}
            }
        }
    }

    /// What an expression is in the page.
    pub async fn js(&mut self, expression: &str) -> Value {
        let asked = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true,
            "userGesture": true,
        });
        let told = self.call("Runtime.evaluate", asked).await;
        assert!(told["exceptionDetails"].is_null(), "{expression}: {}", told["exceptionDetails"]);
        told["result"]["value"].clone()
    }

    /// The text of what a selector finds.
    pub async fn text(&mut self, selector: &str) -> String {
        let asked = format!("document.querySelector({})?.textContent ?? ''", json!(selector));
        self.js(&asked).await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an expression holds in the page.
    #[track_caller]
    pub fn until<'b>(&'b mut self, expression: &str) -> impl Future<Output = ()> + 'b {
        let at = std::panic::Location::caller();
        let asked =
            format!("(() => {{ try {{ return !!({expression}) }} catch {{ return false }} }})()");
        let expression = expression.to_owned();
        async move {
            let deadline = Instant::now() + PATIENCE;
            while self.js(&asked).await != true {
                if Instant::now() > deadline {
                    let page = self.js("document.body.innerText").await;
                    panic!("{at}: never so: {expression}\n{page}");
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        }
    }

    /// Goes to an address and waits for its page.
    pub async fn go(&mut self, url: &str) {
        self.js("document.querySelector('h1')?.remove()").await;
        self.call("Page.navigate", json!({"url": url})).await;
        self.settled().await;
    }

    /// Waits until the page shows something and is busy with nothing.
    pub async fn settled(&mut self) {
        let shown = "document.querySelector('h1') && !document.querySelector('[aria-busy]')";
        self.until(shown).await;
    }

    /// Presses a key, as somebody does who has no mouse.
    pub async fn press(&mut self, key: &str) {
        let (code, number, text) = match key {
            "Tab" => ("Tab", 9, ""),
            "Enter" => ("Enter", 13, "\r"),
            " " => ("Space", 32, " "),
            "ArrowLeft" => ("ArrowLeft", 37, ""),
            "Home" => ("Home", 36, ""),
            other => panic!("{other} is not known here"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut asked = json!({
                "type": kind, "key": key, "code": code, "windowsVirtualKeyCode": number,
            });
            if kind == "keyDown" && !text.is_empty() {
                asked["text"] = text.into();
            }
            self.call("Input.dispatchKeyEvent", asked).await;
        }
    }

    /// Types a text where the focus is.
    pub async fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text })).await;
    }

    /// Presses Tab until the focus is on what a selector finds.
    #[track_caller]
    pub fn tab_to<'b>(&'b mut self, selector: &str) -> impl Future<Output = ()> + 'b {
        let at = std::panic::Location::caller();
        let asked = format!("document.activeElement.matches({})", json!(selector));
        let selector = selector.to_owned();
        async move {
            for _ in 0..80 {
                self.press("Tab").await;
                if self.js(&asked).await == true {
                    return;
                }
            }
            panic!("{at}: {selector} cannot be reached with Tab");
        }
    }

    /// As wide and high, and light or dark.
    pub async fn size(&mut self, width: u32, height: u32, scheme: &str) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            // Nothing lights up and fades, so that what is seen does not depend on when.
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.call("Emulation.setEmulatedMedia", scheme).await;
    }

    /// Keeps a picture of the page, where `ANNALS_TEST_PICTURES` names a folder for them.
    pub async fn picture(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("ANNALS_TEST_PICTURES").map(PathBuf::from) else {
            return;
        };
        let asked = json!({"format": "png", "captureBeyondViewport": true});
        let made = self.call("Page.captureScreenshot", asked).await;
        let bytes = STANDARD.decode(made["data"].as_str().unwrap()).unwrap();
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
    }

    /// Every control as assistive technology meets it: role and name. None may be without a name.
    pub async fn controls(&mut self) -> Vec<(String, String)> {
        const ROLES: [&str; 12] = [
            "button",
            "link",
            "textbox",
            "searchbox",
            "slider",
            "combobox",
            "checkbox",
            "progressbar",
            "DisclosureTriangle",
            "img",
            "image",
            "InputTime",
        ];
        let tree = self.call("Accessibility.getFullAXTree", json!({})).await;
        let nodes = tree["nodes"].as_array().unwrap().iter().filter(|it| it["ignored"] != true);
        let mut controls = Vec::new();
        for node in nodes {
            let text = |field: &str| node[field]["value"].as_str().unwrap_or_default().to_owned();
            let role = text("role");
            if ROLES.contains(&role.as_str()) {
                let name = text("name");
                assert!(!name.trim().is_empty(), "a {role} without a name: {node}");
                controls.push((role, name));
            }
        }
        controls
    }

    /// Nothing is wider than the window.
    pub async fn fits(&mut self) {
        let wide = "[...document.querySelectorAll('body *')].filter((it) => it.getBoundingClientRect().right \
                    > document.documentElement.clientWidth + 1 && !it.closest('.wide, .unseen, .skip')) \
                    .map((it) => it.outerHTML.slice(0, 120))";
        assert_eq!(self.js(wide).await, json!([]), "wider than the window");
        let thin = "[...document.querySelectorAll('main td, main th, main a, main dd')].filter((it) => \
                    it.getClientRects().length && it.clientWidth < 40 && it.clientHeight > 60) \
                    .map((it) => it.outerHTML.slice(0, 120))";
        assert_eq!(self.js(thin).await, json!([]), "a letter a line");
    }

    /// Forgets complaints of this kind, which a test led to on purpose.
    pub fn forgive(&mut self, kind: &str) {
        self.complaints.retain(|it| !it.contains(kind));
    }

    /// The page complained of nothing, its policy neither.
    pub fn content(&self) {
        assert!(self.complaints.is_empty(), "{:#?}", self.complaints);
    }

    /// Closes the browser.
    pub async fn close(mut self) {
        self.content();
        let _ = self.child.kill().await;
        let _ = fs::remove_dir_all(&self.folder);
    }
}
