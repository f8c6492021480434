//! A screen without a window, over a real store.

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use sextant_contract::{Backend as _, Command};
use sextant_fixtures::shop::{Shop, ShopConfig};
use sextant_ui::App;
use sextant_workbench::{Options, StoreConfig, Workbench, now};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What is on it, and what is behind it.
pub(crate) struct Screen {
    pub harness: Harness<'static, App>,
    pub workbench: Workbench,
    _dir: TempDir,
    pub runtime: Runtime,
}

impl Screen {
    /// A screen of this size over a store with about so many spans of the demo shop.
    pub fn new(size: [f32; 2], n_spans: u64) -> Self {
        Self::prepared(size, n_spans, |_, _, _| {})
    }

    /// The same after something was done with the store; there is a folder for what that makes.
    pub fn prepared(size: [f32; 2], n_spans: u64, prepare: impl FnOnce(&Workbench, &Runtime, &Path)) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let runtime = Runtime::new().expect("a runtime");
        let options = Options { store: StoreConfig::new(dir.path()) };
        let workbench = Workbench::open(options, runtime.handle().clone()).expect("a store");
        if n_spans > 0 {
            for request in Shop::new(&ShopConfig { seed: 5, n_spans, end: now() }) {
                let command = Command::Import { name: "shop".into(), format: Some("otlp-pb".into()), project: None };
                // Signals look alike on the wire: logs would be taken for spans.
                if request.path == "/v1/traces" {
                    runtime.block_on(workbench.act(command, request.body)).expect("it is taken in");
                }
            }
        }
        prepare(&workbench, &runtime, dir.path());
        let backend = workbench.clone();
        let harness = Harness::builder()
            .with_size(size)
            .with_max_steps(50)
            .allow_missing_glyphs()
            .build_eframe(move |cc| App::new(&cc.egui_ctx, Rc::new(backend)));
        let mut screen = Self { harness, workbench, _dir: dir, runtime };
        screen.settle();
        screen
    }

    /// Frames until every answer is on the screen.
    pub fn settle(&mut self) {
        let began = Instant::now();
        for _ in 0..3 {
            self.harness.step();
        }
        while !self.harness.state().is_settled() {
            assert!(began.elapsed() < Duration::from_secs(20), "an answer did not come");
            std::thread::sleep(Duration::from_millis(5));
            self.harness.step();
        }
        self.harness.step();
        self.harness.step();
    }

    /// Frames until something on the screen is called so, or holds this in its name.
    pub fn wait(&mut self, label: &str) {
        let until = Instant::now() + Duration::from_secs(60);
        while self.harness.query_by_label_contains(label).is_none() {
            assert!(Instant::now() < until, "there is no {label:?}: {:?}", self.buttons());
            std::thread::sleep(Duration::from_millis(20));
            self.harness.step();
        }
        self.settle();
    }

    pub fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.settle();
    }

    pub fn press(&mut self, text: &str) {
        for letter in text.chars() {
            self.harness.event(eframe::egui::Event::Text(letter.into()));
        }
        self.settle();
    }

    pub fn address(&self) -> String {
        self.harness.state().address()
    }

    /// Names of all buttons on the screen.
    pub fn buttons(&self) -> Vec<String> {
        let buttons = self.harness.query_all_by_role(eframe::egui::Role::Button);
        buttons.filter_map(|n| n.accesskit_node().label()).collect()
    }

    /// Names of all rows on the screen.
    pub fn rows(&self) -> Vec<String> {
        let rows = self.harness.query_all_by_role(eframe::egui::Role::Row);
        rows.filter_map(|n| n.accesskit_node().label()).collect()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.workbench.close();
    }
}

pub(crate) const SIZE: [f32; 2] = [1_440.0, 900.0];
