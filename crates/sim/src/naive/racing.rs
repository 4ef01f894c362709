//! A race as a list of runners.

use std::collections::BTreeSet;

use oddsengine_markets::racing::{
    RUNNERS_MAX, RaceStage, RacingIncident as Incident, RacingOutcome, RunnerSet,
};
use oddsengine_markets::{LiveChange, LivePhase, Outcome};

use super::game::Listed;
use crate::outcomes::{Grades, Space, common};

/// A race so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Race {
    /// Where it stands.
    pub stage: RaceStage,
    /// Runners that do not start.
    pub withdrawn: BTreeSet<usize>,
    /// Position of every runner; 0 for one that has none.
    pub positions: Vec<u8>,
}

/// One way of finishing: the position of every runner, if it has one.
type Finish = Vec<u8>;

impl Race {
    /// Before the off.
    pub fn new(runner_count: u8) -> Self {
        Self {
            stage: RaceStage::BeforeOff,
            withdrawn: BTreeSet::new(),
            positions: vec![0; usize::from(runner_count)],
        }
    }

    /// Not started, in play, or over.
    pub fn phase(&self) -> LivePhase {
        match self.stage {
            RaceStage::BeforeOff => LivePhase::PreMatch,
            RaceStage::Running | RaceStage::Result => LivePhase::InPlay,
            RaceStage::Official | RaceStage::Void => LivePhase::Finished,
        }
    }

    /// Applies an incident; `None` when it does not fit, and nothing has changed.
    pub fn apply(&mut self, incident: &Incident) -> Option<LiveChange> {
        let mut next = self.clone();
        let change = next.step(incident)?;
        let is_news = next != *self || change.danger.is_some();
        *self = next;
        Some(if is_news { change } else { LiveChange::default() })
    }

    fn step(&mut self, incident: &Incident) -> Option<LiveChange> {
        let plain = LiveChange::default();
        let regrades = LiveChange { reprices: true, regrades: true, danger: None };
        let danger = |danger| LiveChange { danger: Some(danger), ..plain };
        let is_void = self.stage == RaceStage::Void;
        match *incident {
            Incident::Withdrawn(runner) if !is_void => {
                let runner = self.declared(runner)?;
                self.withdrawn.insert(runner);
                if self.positions[runner] > 0 || self.withdrawn.len() == self.positions.len() {
                    return None;
                }
                Some(regrades)
            }
            Incident::Reinstated(runner) if !is_void => {
                let runner = self.declared(runner)?;
                self.withdrawn.remove(&runner);
                Some(regrades)
            }
            Incident::Off if self.stage == RaceStage::BeforeOff => {
                self.stage = RaceStage::Running;
                Some(danger(true))
            }
            Incident::Recalled if self.stage == RaceStage::Running => {
                self.stage = RaceStage::BeforeOff;
                Some(danger(false))
            }
            Incident::Result(told) if matches!(self.stage, RaceStage::Running | RaceStage::Result) => {
                self.place(&told)?;
                self.stage = RaceStage::Result;
                Some(LiveChange { reprices: true, ..danger(true) })
            }
            Incident::Official if self.stage == RaceStage::Result => {
                self.stage = RaceStage::Official;
                Some(regrades)
            }
            Incident::Amended(told) if self.phase() == LivePhase::Finished => {
                self.place(&told)?;
                self.stage = RaceStage::Official;
                Some(regrades)
            }
            Incident::Void => {
                self.stage = RaceStage::Void;
                Some(regrades)
            }
            Incident::Danger if matches!(self.stage, RaceStage::BeforeOff | RaceStage::Running) => {
                Some(danger(true))
            }
            Incident::Safe => Some(danger(false)),
            _ => None,
        }
    }

    fn declared(&self, runner: u8) -> Option<usize> {
        Some(usize::from(runner)).filter(|&runner| runner < self.positions.len())
    }

    fn place(&mut self, told: &[u8; RUNNERS_MAX]) -> Option<()> {
        let (own, others) = told.split_at(self.positions.len());
        let finishers: Vec<u8> = own.iter().copied().filter(|&position| position > 0).collect();
        // A position says how many came in before.
        let is_placed = |&position: &u8| {
            finishers.iter().filter(|&&other| other < position).count() + 1 == position.into()
        };
        let is_right = !finishers.is_empty()
            && finishers.iter().all(is_placed)
            && others.iter().all(|&position| position == 0)
            && self.withdrawn.iter().all(|&runner| own[runner] == 0);
        self.positions = own.to_vec();
        is_right.then_some(())
    }

    /// What the ways in which it can end depend on.
    pub(crate) fn key(&self) -> Vec<u64> {
        let withdrawn = self.withdrawn.iter().map(|&runner| 1 << runner).sum();
        let is_final = self.stage == RaceStage::Official;
        let positions = self.positions.iter().filter(|_| is_final).map(|&position| position.into());
        let stage = match self.stage {
            RaceStage::Official => 1,
            RaceStage::Void => 2,
            _ => 0,
        };
        [withdrawn, stage].into_iter().chain(positions).collect()
    }

    fn grades(&self, space: &Space, finish: &Finish, is_void: bool) -> Grades {
        let withdrawn = self.withdrawn.iter().fold(RunnerSet::default(), |set, &runner| set.with(runner));
        let mut outcome = RacingOutcome {
            runner_count: finish.len() as u8,
            positions: [0; RUNNERS_MAX],
            withdrawn,
            is_void,
        };
        outcome.positions[..finish.len()].copy_from_slice(finish);
        space.grades_of(&Outcome::Racing(outcome))
    }

    /// Every way in which it can still end. Limits are judged on finishes of all starters without a tie.
    pub(crate) fn listed(&self, space: &Space) -> Listed {
        let grades = |finish: &Finish| self.grades(space, finish, false);
        let starters: Vec<usize> =
            (0..self.positions.len()).filter(|runner| !self.withdrawn.contains(runner)).collect();
        let none = vec![0; self.positions.len()];
        if self.phase() == LivePhase::Finished {
            let is_void = self.stage == RaceStage::Void;
            let finals = self.grades(space, &self.positions, is_void);
            let decided = finals.iter().copied().map(Some).collect();
            // Bets that still wait ride on orders of all runners: those that did not come home are behind the others.
            let behind: Vec<usize> = (0..none.len()).filter(|&runner| self.positions[runner] == 0).collect();
            let next = (none.len() - behind.len() + 1) as u8;
            let orders: Vec<Finish> = match is_void {
                true => orders(&starters, &none, 1),
                false => {
                    untied(&self.positions).iter().flat_map(|finish| orders(&behind, finish, next)).collect()
                }
            };
            return Listed { decided, endings: orders.iter().map(grades).collect() };
        }
        let any: Vec<Grades> = finishes(&starters, &none, 1)
            .iter()
            .filter(|finish| finish.iter().any(|&position| position > 0))
            .map(grades)
            .collect();
        let endings = orders(&starters, &none, 1).iter().map(grades).collect();
        Listed { decided: common(&any), endings }
    }
}

/// Every order of these runners from a position on.
fn orders(runners: &[usize], so_far: &Finish, position: u8) -> Vec<Finish> {
    if runners.is_empty() {
        return vec![so_far.clone()];
    }
    let next = |&first: &usize| {
        let left: Vec<usize> = runners.iter().copied().filter(|&runner| runner != first).collect();
        let mut so_far = so_far.clone();
        so_far[first] = position;
        orders(&left, &so_far, position + 1)
    };
    runners.iter().flat_map(next).collect()
}

/// Every finish of these runners from a position on: some tie, and some do not come home.
fn finishes(runners: &[usize], so_far: &Finish, position: u8) -> Vec<Finish> {
    let mut all = vec![so_far.clone()];
    for chosen in 1..1_usize << runners.len() {
        let (mut left, mut next, mut tied) = (Vec::new(), so_far.clone(), 0);
        for (place, &runner) in runners.iter().enumerate() {
            if chosen >> place & 1 == 1 {
                next[runner] = position;
                tied += 1;
            } else {
                left.push(runner);
            }
        }
        all.extend(finishes(&left, &next, position + tied));
    }
    all
}

/// Every order that the ties of a finish allow.
fn untied(finish: &Finish) -> Vec<Finish> {
    let mut all = vec![finish.clone()];
    for position in 1..=finish.len() as u8 {
        let tied: Vec<usize> = (0..finish.len()).filter(|&runner| finish[runner] == position).collect();
        all = all.iter().flat_map(|finish| orders(&tied, finish, position)).collect();
    }
    all
}
