//! The private extension module oddsengine._core: conversion, no decisions.

use pyo3::prelude::*;

mod arrays;
mod bets;
mod config;
mod connections;
mod convert;
mod errors;
mod fit;
mod follow;
mod football_depth;
mod foreign;
mod gather;
mod live_match;
mod margin;
mod odds;
mod pricing;
mod racing;
mod redecide;
mod rights;
mod risk;
mod same_game;
mod score_models;
mod service;
mod settle;
mod tennis;

#[pymodule]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::register(module)
    }
}

fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    errors::catch_panics(module.py())?;
    football_depth::register(module)?;
    connections::register(module)?;
    foreign::register(module)?;
    fit::register(module)?;
    follow::register(module)?;
    live_match::register(module)?;
    margin::register(module)?;
    odds::register(module)?;
    pricing::register(module)?;
    racing::register(module)?;
    risk::register(module)?;
    score_models::register(module)?;
    same_game::register(module)?;
    service::register(module)?;
    redecide::register(module)?;
    settle::register(module)?;
    bets::register(module)?;
    tennis::register(module)
}
