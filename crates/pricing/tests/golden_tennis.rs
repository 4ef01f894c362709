//! Reproduces the golden cases of tennis: every number a case expects is looked for, and a case with an unknown function
//! fails.

use oddsengine_markets::tennis::{
    BestOf, FinalSet, Layout, Side, TennisFormat, TennisScore, TennisState, TennisView,
};
use oddsengine_pricing::tennis::calibration::{CalibrationSettings, GamesTarget, from_probabilities};
use oddsengine_pricing::tennis::game::Game;
use oddsengine_pricing::tennis::live_views::CELLS_MAX;
use oddsengine_pricing::tennis::tie_break::TieBreak;
use oddsengine_pricing::tennis::{StateTable, TennisModel, TennisParameters, fill_cells};
use serde_json::{Value, json};

#[test]
fn tennis() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/tennis.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 10);
    for case in cases {
        let inputs = &case["inputs"];
        let got = match case["function"].as_str().unwrap() {
            "tennis.game" => game(inputs),
            "tennis.set" => set(inputs),
            "tennis.match" => tennis_match(inputs),
            "tennis.calibrate" => calibrate(inputs),
            other => panic!("unknown function {other}"),
        };
        let tolerance = case["tolerance"]["abs"].as_f64().unwrap();
        compare(&case["expected"], &got, tolerance, case["id"].as_str().unwrap());
    }
}

fn compare(expected: &Value, got: &Value, tolerance: f64, at: &str) {
    match expected {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            compare(value, &got[key.as_str()], tolerance, &format!("{at}/{key}"));
        }),
        number => {
            let (expected, got) = (number.as_f64().unwrap(), got.as_f64().unwrap_or(f64::NAN));
            assert!((expected - got).abs() <= tolerance, "{at}: {got} is not {expected}");
        }
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn game(inputs: &Value) -> Value {
    let p = number(&inputs["p_server_point"]);
    let game = Game::new(p, false);
    json!({"hold": game.hold(), "hold_no_ad": Game::new(p, true).hold(), "from_15_40": game.from_points(1, 3),
           "from_deuce": game.from_points(3, 3)})
}

fn serve(inputs: &Value) -> [f64; 2] {
    ["pa", "pb"].map(|key| number(&inputs[key]))
}

fn set(inputs: &Value) -> Value {
    let serve = serve(inputs);
    let model = TennisModel::new(&TennisFormat::default(), serve).unwrap();
    let path = model.set(0, Side::Home);
    let layout = Layout::of(&TennisFormat::default());
    let mut scores = json!({});
    for cell in 0..14 {
        let [home, away] = layout.set_score_of_cell(0, cell).unwrap();
        scores[format!("{home}-{away}")] = json!(path.ends[cell / 7][cell % 7]);
    }
    assert!((model.set(0, Side::Away).home() - path.home()).abs() < 1e-14);
    json!({"p_set": path.home(), "score": scores,
           "tiebreak7_A": TieBreak::new(serve, Side::Home, 7).home(),
           "tiebreak10_A": TieBreak::new(serve, Side::Away, 10).home()})
}

fn format(inputs: &Value) -> TennisFormat {
    TennisFormat {
        best_of: if inputs["best_of"] == 3 { BestOf::Three } else { BestOf::Five },
        final_set: FinalSet::from_name(inputs["final_set"].as_str().unwrap()).unwrap(),
        is_no_ad: inputs["advantage"] == false,
        ..TennisFormat::default()
    }
}

fn tennis_match(inputs: &Value) -> Value {
    let format = format(inputs);
    let mut score = TennisScore::first_server(Side::Home);
    if let Some(sets) = inputs["sets"].as_array() {
        assert_eq!(sets, &[json!(1), json!(0)]);
        let pair = |value: &Value| [0, 1].map(|side| value[side].as_u64().unwrap() as u8);
        score.sets_played = 1;
        score.games[0] = [6, 3];
        score.games[1] = pair(&inputs["games"]);
        score.points = pair(&inputs["points"]);
    }
    let state = TennisState { format, is_started: true, score, ..TennisState::default() };
    let mut cells = [0.0; CELLS_MAX];
    let parameters = TennisParameters { serve: serve(inputs), prior_points: None };
    let layout = fill_cells(&parameters, &state, &mut cells);
    let view = |view: TennisView| &cells[layout.offsets[view.index()]..layout.offsets[view.index() + 1]];
    let (mut home, mut sets) = (0.0, json!({}));
    for (&(bits, count), &p) in layout.sequences.iter().zip(view(TennisView::Sequence)) {
        let away = bits.count_ones() as u8;
        home += if count - away > away { p } else { 0.0 };
        let name = format!("{}-{away}", count - away);
        sets[&name] = json!(sets[&name].as_f64().unwrap_or(0.0) + p);
    }
    let model = TennisModel::new(&format, parameters.serve).unwrap();
    assert!((model.match_home(&score) - home).abs() < 1e-13);
    assert!((StateTable::new(&model).match_home(&score) - home).abs() < 1e-13);
    let totals: Vec<(f64, f64)> = view(TennisView::TotalGames)
        .iter()
        .enumerate()
        .map(|(cell, &p)| ((layout.total_min + cell) as f64, p))
        .collect();
    let over = |line: f64| totals.iter().filter(|(games, _)| *games > line).map(|(_, p)| p).sum::<f64>();
    let lines = ["21.5", "22.5", "23.5", "37.5", "38.5", "39.5"];
    let overs: serde_json::Map<_, _> =
        lines.iter().map(|line| (line.to_string(), json!(over(line.parse().unwrap())))).collect();
    let mean: f64 = totals.iter().map(|(games, p)| games * p).sum();
    json!({"p_match": home, "set_score": sets, "expected_games": mean, "over_games": overs,
           "expected_games_remaining_incl_current": mean - f64::from(score.games_total())})
}

fn calibrate(inputs: &Value) -> Value {
    let settings = CalibrationSettings { first_server: Some(Side::Home), ..CalibrationSettings::default() };
    let target = GamesTarget::Expected(number(&inputs["expected_games"]));
    let fitted = from_probabilities(&format(inputs), number(&inputs["p_match"]), target, &settings).unwrap();
    json!({"pa": fitted.serve[0], "pb": fitted.serve[1]})
}
