//! The screens: one egui app, native and in a page. It reaches data only through [`sextant_contract::Backend`].

mod app;
mod asks;
mod commands;
mod data;
mod fonts;
mod kit;
mod marks;
mod overlay;
mod progress;
mod route;
mod runtime;
mod search;
mod shell;
mod tokens;
mod views;
#[cfg(target_arch = "wasm32")]
mod web;

pub use app::App;
