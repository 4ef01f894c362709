//! x
use oddsengine_markets::tennis::TennisIncidentKind as Kind;
use oddsengine_markets::tennis::*;
use oddsengine_markets::{Format, LivePhase, template_of};
use oddsengine_pricing::board::ViewPrefixes;
use oddsengine_pricing::tennis::live_views::CELLS_MAX;
use oddsengine_pricing::tennis::*;
use std::hint::black_box;
/// x
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let n: usize = a[3].parse().unwrap();
    let f = TennisFormat {
        best_of: if a[2] == "5" { BestOf::Five } else { BestOf::Three },
        final_set: FinalSet::TieBreak10,
        ..Default::default()
    };
    let t = template_of(&Format::Tennis(f)).unwrap();
    let mut states = vec![];
    for seed in 1..9u64 {
        let mut r = seed;
        let mut s = TennisState::new(f);
        s.apply(&Kind::Start(Side::Home).into()).unwrap();
        while s.phase() == LivePhase::InPlay {
            states.push(s);
            r = r.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let v = s.score.point_server(&f).unwrap();
            s.apply(&Kind::Point(if r >> 33 & 1_023 < 650 { v } else { v.other() }).into()).unwrap();
        }
    }
    let pre = TennisState::new(f);
    let mut px = ViewPrefixes::new(t);
    let c = t.selections.len();
    let (mut w, mut rf) = (vec![0.0; c], vec![0.0; c]);
    let mut cells = [0.0; CELLS_MAX];
    let known = TennisParameters { serve: [0.65, 0.62], prior_points: None };
    let unc = TennisParameters { serve: [0.65, 0.62], prior_points: Some(100.0) };
    for i in 0..n {
        let s = &states[i * 7 % states.len()];
        match a[1].as_str() {
            "model" => {
                black_box(TennisModel::new(&f, [0.6 + 0.001 * (i % 60) as f64, 0.63])).unwrap();
            }
            "cells" => {
                fill_cells(&known, s, &mut cells);
                black_box(&cells);
            }
            "ucells" => {
                fill_cells(&unc, s, &mut cells);
                black_box(&cells);
            }
            "first" => {
                fill_cells(&known, &states[0], &mut cells);
                black_box(&cells);
            }
            "ufirst" => {
                fill_cells(&unc, &states[0], &mut cells);
                black_box(&cells);
            }
            "upre" => {
                fill_cells(&unc, &pre, &mut cells);
                black_box(&cells);
            }
            "views" => {
                fill_views(&known, s, &mut px);
            }
            "expect" => {
                px.expectations(t, &mut w, &mut rf);
                black_box(&w);
            }
            "possible" => {
                black_box(TennisGates::new(&f, &s.score));
            }
            _ => {}
        }
    }
}
