//! x
use oddsengine_markets::tennis::*;
use oddsengine_pricing::tennis::live_views::CELLS_MAX;
use oddsengine_pricing::tennis::*;
fn cells(f: &TennisFormat, nodes: &[([f64; 2], f64)]) -> Vec<f64> {
    let st = TennisState::new(*f);
    let mut out = vec![0.0; CELLS_MAX];
    for &(serve, w) in nodes {
        let mut c = [0.0; CELLS_MAX];
        fill_cells(&TennisParameters { serve, prior_points: None }, &st, &mut c);
        for (o, x) in out.iter_mut().zip(&c) {
            *o += w * x;
        }
    }
    out
}
/// x
fn main() {
    for best_of in BestOf::ALL {
        let f = TennisFormat { best_of, ..Default::default() };
        let l = Layout::of(&f);
        for n in [60.0, 120.0] {
            for mu in [[0.64_f64, 0.63], [0.68, 0.6], [0.58, 0.53]] {
                let s = mu.map(|p: f64| (p * (1.0 - p) / (n + 1.0)).sqrt());
                let grid = |p: f64| -> Vec<(f64, f64)> {
                    let dens = |x: f64| {
                        libm::exp(
                            (n * p - 1.0) * libm::log(x) + (n * (1.0 - p) - 1.0) * libm::log(1.0 - x) + 40.0,
                        )
                    };
                    let g: Vec<f64> = (0..25)
                        .map(|i| p + (i as f64 - 12.0) * 0.02)
                        .filter(|x| *x > 0.01 && *x < 0.99)
                        .collect();
                    let t: f64 = g.iter().map(|&x| dens(x)).sum();
                    g.iter().map(|&x| (x, dens(x) / t)).collect()
                };
                let mut fine = vec![];
                for (a, wa) in grid(mu[0]) {
                    for (b, wb) in grid(mu[1]) {
                        if wa * wb > 1e-7 {
                            fine.push(([a, b], wa * wb));
                        }
                    }
                }
                let sd = (s[0] * s[0] + s[1] * s[1]).sqrt();
                let along = |z: f64| [mu[0] + z * s[0] * s[0] / sd, mu[1] - z * s[1] * s[1] / sd];
                let r3 = 3.0_f64.sqrt();
                let three = vec![(along(-r3), 1.0 / 6.0), (along(0.0), 2.0 / 3.0), (along(r3), 1.0 / 6.0)];
                let mut four = vec![];
                for i in [-1.0, 1.0] {
                    for j in [-1.0, 1.0] {
                        four.push(([mu[0] + i * s[0], mu[1] + j * s[1]], 0.25));
                    }
                }
                let h = 0.5_f64.sqrt();
                let mut hex = vec![(mu, 0.5)];
                for k in 0..6 {
                    let t = std::f64::consts::PI / 3.0 * k as f64;
                    let (u, v) = (2.0 * t.cos(), 2.0 * t.sin());
                    hex.push(([mu[0] + s[0] * (u + v) * h, mu[1] + s[1] * (v - u) * h], 1.0 / 12.0));
                }
                let five = {
                    let mut v = three.clone();
                    v.iter_mut().for_each(|x| x.1 *= 1.0);
                    v[1].1 = 2.0 / 3.0 - 1.0 / 3.0;
                    for k in [-1.0, 1.0] {
                        let z = k * r3;
                        v.push(([mu[0] + z * s[0] * h, mu[1] + z * s[1] * h], 1.0 / 6.0));
                    }
                    v
                };
                let a = cells(&f, &fine);
                for (name, nodes) in
                    [("one", vec![(mu, 1.0)]), ("three", three), ("four", four), ("five", five), ("hex", hex)]
                {
                    let b = cells(&f, &nodes);
                    let stat = |c: &[f64]| -> [f64; 5] {
                        let v = |view: TennisView| &c[l.offsets[view.index()]..l.offsets[view.index() + 1]];
                        let q = v(TennisView::Sequence);
                        let m: f64 = q[..q.len() / 2].iter().sum();
                        let t = v(TennisView::TotalGames);
                        let over: f64 = t[if best_of == BestOf::Three { 11 } else { 21 }..].iter().sum();
                        let tb = v(TennisView::TieBreaks)[0];
                        let d = v(TennisView::Difference);
                        let hc: f64 = d[d.len() / 2 + 4..].iter().sum();
                        let mid: f64 = if best_of == BestOf::Three {
                            q[1] + q[2] + q[3] + q[4]
                        } else {
                            q[4..16].iter().sum()
                        };
                        [m, mid, over, 1.0 - tb, hc]
                    };
                    let (x, y) = (stat(&a), stat(&b));
                    let e: Vec<String> =
                        x.iter().zip(&y).map(|(x, y)| format!("{:.4} {:+.4}", x, y - x)).collect();
                    println!(
                        "{best_of:?} n {n} {mu:?} {name:>5}: win, deciding, over, tie-break, -3.5: {}",
                        e.join("  ")
                    );
                }
            }
        }
    }
}
