//! A real browser, driven by its own protocol over a pipe (<https://chromedevtools.github.io/devtools-protocol>).

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take before the test gives up: a guard against hanging, not a measure of speed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A headless Chromium with one page; ends with the value.
pub struct Browser {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    session: String,
    sent: u64,
    /// What the page did: errors, requests.
    events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// `None` if there is no browser, with a message.
    pub fn start() -> Option<Browser> {
        let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
        let is_there = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success());
        let Some(name) = names.into_iter().find(|name| is_there(name)) else {
            println!("skipped: no Chromium (Debian: chromium)");
            return None;
        };
        let profile = super::scratch();
        // its protocol is on the descriptors 3 and 4
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null", name])
            .args(["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run"])
            .args(["--disable-extensions", "--disable-dev-shm-usage", "--force-device-scale-factor=1"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let (commands, answers) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let (answers, session) = (BufReader::new(answers), String::new());
        let mut browser = Browser { child, commands, answers, session, sent: 0, events: Vec::new(), _profile: profile };
        let target = browser.command("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.command("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        browser.session = attached["sessionId"].as_str().expect("a session").to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.command(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Sends a command and gives its result; events that come before it are kept.
    pub fn command(&mut self, method: &str, parameters: Value) -> Value {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = self.session.clone().into();
        }
        self.commands.write_all(format!("{message}\0").as_bytes()).expect("the browser listens");
        loop {
            let message = self.receive();
            if message["id"] == self.sent {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    fn receive(&mut self) -> Value {
        let mut message = Vec::new();
        self.answers.read_until(0, &mut message).expect("the browser speaks");
        assert_eq!(message.pop(), Some(0), "the browser has ended");
        serde_json::from_slice(&message).expect("JSON")
    }

    /// Opens a file, waits until it is loaded, and forgets events of earlier pages.
    pub fn open(&mut self, file: &Path, hash: &str) {
        let file = std::fs::canonicalize(file).expect("the page is there");
        self.navigate("about:blank");
        self.navigate(&format!("file://{}{hash}", file.display()));
    }

    fn navigate(&mut self, url: &str) {
        self.events.clear();
        self.command("Page.navigate", json!({ "url": url }));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.receive();
            self.events.push(event);
        }
    }

    /// The value of an expression, awaited if it is a promise.
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.command("Runtime.evaluate", parameters);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    pub fn text(&mut self, selector: &str) -> String {
        let found = self.value(&format!("document.querySelector({})?.innerText", json!(selector)));
        found.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an expression is true.
    pub fn wait(&mut self, expression: &str) {
        let begun = Instant::now();
        while self.value(&format!("!!({expression})")) != true {
            assert!(begun.elapsed() < PATIENCE, "still not: {expression}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Presses the mouse in the middle of an element, which is brought into view.
    pub fn click(&mut self, selector: &str) {
        let place = self.value(&format!(
            "(() => {{ const e = document.querySelector({}); e.scrollIntoView({{ block: 'center' }}); \
             const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }})()",
            json!(selector)
        ));
        self.click_at(place[0].as_f64().expect("a place"), place[1].as_f64().expect("a place"));
    }

    pub fn click_at(&mut self, x: f64, y: f64) {
        self.mouse("mouseMoved", x, y);
        self.mouse("mousePressed", x, y);
        self.mouse("mouseReleased", x, y);
    }

    pub fn mouse(&mut self, kind: &str, x: f64, y: f64) {
        let button = if kind == "mouseMoved" { "none" } else { "left" };
        self.command(
            "Input.dispatchMouseEvent",
            json!({ "type": kind, "x": x, "y": y, "button": button, "clickCount": 1 }),
        );
    }

    /// Turns the wheel at a place, forward (up) or back.
    pub fn wheel(&mut self, x: f64, y: f64, by: f64) {
        let turned = json!({ "type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": by });
        self.command("Input.dispatchMouseEvent", turned);
    }

    /// Drags from one place to another, in steps.
    pub fn drag(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.mouse("mouseMoved", from.0, from.1);
        self.mouse("mousePressed", from.0, from.1);
        for step in 1..=4 {
            let at = |a: f64, b: f64| a + (b - a) * f64::from(step) / 4.0;
            let moved = json!({ "type": "mouseMoved", "x": at(from.0, to.0), "y": at(from.1, to.1),
                                "button": "left", "buttons": 1 });
            self.command("Input.dispatchMouseEvent", moved);
        }
        self.mouse("mouseReleased", to.0, to.1);
    }

    /// Presses a key: `Tab`, `Enter`, `ArrowDown`, `Shift+Tab`.
    pub fn key(&mut self, key: &str) {
        let (modifiers, key) = key.strip_prefix("Shift+").map_or((0, key), |key| (8, key));
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            " " => 32,
            "PageDown" => 34,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            "0" => 48,
            "+" => 187,
            "-" => 189,
            other => panic!("no code for {other}"),
        };
        let mut down = json!({ "type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code,
                               "modifiers": modifiers });
        if key == "Enter" || key == " " {
            down["text"] = if key == " " { " " } else { "\r" }.into();
        }
        self.command("Input.dispatchKeyEvent", down);
        let up = json!({ "type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code,
                         "modifiers": modifiers });
        self.command("Input.dispatchKeyEvent", up);
    }

    /// Types a text where the focus is.
    pub fn write(&mut self, text: &str) {
        self.command("Input.insertText", json!({ "text": text }));
    }

    pub fn window(&mut self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.command("Emulation.setDeviceMetricsOverride", size);
    }

    /// The system's theme: `light` or `dark`.
    pub fn system_theme(&mut self, theme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": theme }] });
        self.command("Emulation.setEmulatedMedia", features);
    }

    /// Keeps a picture of the page for people, where `CLUSTRATA_SCREENSHOTS` names a folder.
    pub fn screenshot(&mut self, name: &str) {
        use base64::Engine;
        let Some(folder) = std::env::var_os("CLUSTRATA_SCREENSHOTS") else { return };
        let size = self.command("Page.getLayoutMetrics", json!({}))["cssContentSize"].clone();
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let parameters = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let picture = self.command("Page.captureScreenshot", parameters);
        let bytes = base64::engine::general_purpose::STANDARD.decode(picture["data"].as_str().expect("a picture"));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), bytes.expect("base64")).expect("writes");
    }

    /// Errors and warnings: uncaught exceptions, console messages, and violations of the policy.
    pub fn complaints(&mut self) -> Vec<String> {
        // all earlier events have arrived once this is answered
        self.value("0");
        let complaint = |event: &Value| match event["method"].as_str()? {
            "Runtime.exceptionThrown" => Some(event["params"]["exceptionDetails"].to_string()),
            "Runtime.consoleAPICalled" => Some(event["params"]["args"].to_string()),
            "Log.entryAdded" => Some(event["params"]["entry"].to_string()),
            _ => None,
        };
        self.events.iter().filter_map(complaint).collect()
    }

    /// Addresses that the page asked for, less those that hold their data themselves.
    pub fn requests(&mut self) -> Vec<String> {
        self.value("0");
        let sent = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        let urls = sent.filter_map(|event| event["params"]["request"]["url"].as_str());
        urls.filter(|url| !url.starts_with("data:") && *url != "about:blank").map(str::to_owned).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
