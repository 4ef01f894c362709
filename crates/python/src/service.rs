//! The service and the engine of a journal, for the serve loop, notebooks and tools.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use oddsengine_engine::{Body, Engine, Fixture, Ticket};
use oddsengine_runtime::foreign::ForeignModel;
use oddsengine_runtime::journal::{
    self, CompactOptions, CompactProgress, Head, JournalError, JournalFiles, JournalHandle, OpenOptions,
    QuarantineEntry, SegmentInfo, VerifyScope,
};
use oddsengine_runtime::service::{
    self, CommandError, Frame, QuarantineOrder, RecoveryError, RegisterModelError, ServiceOptions,
};
use oddsengine_runtime::wire::{self, Lookup};
use oddsengine_types::{Currency, CustomerId, FixtureId, TicketId};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::arrays::Column;
use crate::config::config_from_dict;
use crate::errors::{OrRaise, Raise};
use crate::foreign::{Selection, intensity_function, joint_function, space_definition};
use crate::rights::rights_from_dict;

/// The source of commands of this process.
const LOCAL_SOURCE: &str = "local";

/// One engine with its journal and its frames; see `oddsengine.serve` for the loop around it.
///
/// It refuses to be used by a forked process, by two threads at once, after a panic inside the core, and for anything
/// but looking once it is closed: an acknowledgement that nothing keeps would be worse than none.
#[pyclass(module = "oddsengine._core", name = "Service", frozen)]
pub struct PyService {
    /// The process that opened it: a fork has the memory, but neither the committer nor the right to the journal.
    owner: Owner,
    /// Poisoned by a panic. `None` once such an engine is closed.
    state: Mutex<Option<Opened>>,
}

/// The process that made it.
struct Owner {
    fork_count: u32,
    process_id: u32,
}

/// Forks between the first process and this one: counted in the child, whoever forks, so that no message asks the kernel.
static FORK_COUNT: AtomicU32 = AtomicU32::new(0);

impl Owner {
    fn here() -> Self {
        Self { fork_count: FORK_COUNT.load(Ordering::Relaxed), process_id: std::process::id() }
    }

    fn is_here(&self) -> bool {
        self.fork_count == FORK_COUNT.load(Ordering::Relaxed)
    }
}

/// Has forks counted from now on.
fn count_forks() {
    type Handler = Option<extern "C" fn()>;
    #[allow(unsafe_code)]
    unsafe extern "C" {
        fn pthread_atfork(prepare: Handler, parent: Handler, child: Handler) -> std::ffi::c_int;
    }
    extern "C" fn in_child() {
        FORK_COUNT.fetch_add(1, Ordering::Relaxed);
    }
    static ONCE: Once = Once::new();
    // SAFETY: POSIX's own signature; the handler adds to an atomic, which is allowed between a fork and an exec, and Python
    // never unloads a module.
    #[allow(unsafe_code)]
    ONCE.call_once(|| {
        let failed = unsafe { pthread_atfork(None, None, Some(in_child)) };
        assert!(failed == 0, "no memory for the handler of forks");
    });
}

struct Opened {
    service: service::Service,
    is_closed: bool,
}

/// The service while a call has it.
struct InUse<'a>(MutexGuard<'a, Option<Opened>>);

impl InUse<'_> {
    fn opened(&self) -> &Opened {
        self.0.as_ref().expect("only a panic leaves none, and then nothing is in use")
    }

    fn service(&mut self) -> &mut service::Service {
        &mut self.0.as_mut().expect("only a panic leaves none, and then nothing is in use").service
    }
}

impl std::ops::Deref for InUse<'_> {
    type Target = service::Service;

    fn deref(&self) -> &service::Service {
        &self.opened().service
    }
}

impl PyService {
    /// For looking: also what is closed.
    fn look(&self, py: Python<'_>) -> PyResult<InUse<'_>> {
        let refused = |what: &str| Err(typed_error(py, "OddsEngineError", what));
        if !self.owner.is_here() {
            return refused(&format!(
                "the engine belongs to process {}, and this is process {}, a fork of it\nhint: open an engine in the \
                 process that uses it",
                self.owner.process_id,
                std::process::id()
            ));
        }
        match self.state.try_lock() {
            Ok(state) => Ok(InUse(state)),
            Err(TryLockError::WouldBlock) => refused(
                "the engine is in use by another thread\nhint: give it to one thread, or put a lock around its calls",
            ),
            Err(TryLockError::Poisoned(_)) => refused(
                "the engine is unusable after a bug inside it: what it acknowledged is in its journal\nhint: close \
                 it and open the journal again",
            ),
        }
    }

    /// For work.
    fn work(&self, py: Python<'_>) -> PyResult<InUse<'_>> {
        let in_use = self.look(py)?;
        match in_use.opened().is_closed {
            true => Err(typed_error(py, "OddsEngineError", "the engine is closed")),
            false => Ok(in_use),
        }
    }
}

impl Drop for PyService {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !self.owner.is_here() {
            // Closing would wait for a thread that the fork does not have, and write to the parent's journal.
            std::mem::forget(state.take());
        }
    }
}

#[pymethods]
impl PyService {
    #[new]
    #[pyo3(signature = (*, journal, config, now_ns, snapshot_every = 200_000, must_exist = false, anchor = None, rights = None, verify_at_start = "since_snapshot", compact = false, segment_bytes = 268_435_456, segments = None))]
    #[allow(clippy::too_many_arguments)] // a call of the thin Python layer, which names them
    fn new(
        py: Python<'_>,
        journal: Option<PathBuf>,
        config: &Bound<'_, PyDict>,
        now_ns: i64,
        snapshot_every: u64,
        must_exist: bool,
        anchor: Option<&str>,
        rights: Option<&Bound<'_, PyDict>>,
        verify_at_start: &str,
        compact: bool,
        segment_bytes: u64,
        segments: Option<PathBuf>,
    ) -> PyResult<Self> {
        let rights = rights.map(rights_from_dict).transpose()?.unwrap_or_default();
        let verify = match verify_at_start {
            "all" => VerifyScope::All,
            "since_snapshot" => VerifyScope::SinceSnapshot,
            other => {
                let text = format!("verify_at_start {other:?} is none of all, since_snapshot");
                return Err(PyValueError::new_err(text));
            }
        };
        let opening = OpenOptions {
            create: !must_exist,
            anchor: head_of_text(anchor)?,
            verify,
            is_compacting: compact,
            segment_bytes,
            segments,
            ..OpenOptions::default()
        };
        let options = ServiceOptions { journal, config: config_from_dict(config)?, snapshot_every, now_ns };
        let mut service = py
            .detach(|| service::Service::start_with(options, opening))
            .map_err(|error| recovery_error(py, &error))?;
        service.set_rights(rights);
        let state = Mutex::new(Some(Opened { service, is_closed: false }));
        Ok(Self { owner: Owner::here(), state })
    }

    /// What the start found: `journal` (`memory`, `new`, `recovered`), `verified_from`, `quarantined`, `notices`.
    #[getter]
    fn start_report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let mut opened = self.look(py)?;
        let report = opened.service().start_report();
        let dict = PyDict::new(py);
        dict.set_item("journal", report.origin.name())?;
        dict.set_item("verified_from", report.verified_from_seq)?;
        dict.set_item("quarantined", &report.quarantined_seqs)?;
        dict.set_item("notices", &report.notices)?;
        Ok(dict)
    }

    #[getter]
    fn epoch(&self, py: Python<'_>) -> PyResult<u32> {
        Ok(self.look(py)?.engine().epoch())
    }

    #[getter]
    fn wakeup_fd(&self, py: Python<'_>) -> PyResult<i32> {
        Ok(self.look(py)?.wakeup_fd().unwrap_or(-1))
    }

    #[getter]
    fn next_due_ns(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        Ok(self.look(py)?.next_due_ns())
    }

    #[getter]
    fn is_poisoned(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.look(py)?.poison_reason().is_some())
    }

    #[getter]
    fn poison_reason(&self, py: Python<'_>) -> PyResult<Option<String>> {
        Ok(self.look(py)?.poison_reason())
    }

    #[getter]
    fn takes_ingest(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.look(py)?.takes_ingest())
    }

    /// Another request of this socket may be handed in in this turn.
    fn takes_requests(&self, py: Python<'_>, is_snapshot: bool) -> PyResult<bool> {
        Ok(self.look(py)?.takes_requests(is_snapshot))
    }

    /// From when on `make_images` makes more of the pages that are on their way; none if there are none.
    #[getter]
    fn next_images_ns(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        Ok(self.look(py)?.next_images_ns())
    }

    /// Makes some of the images that are asked for; they are among the next frames.
    fn make_images(&self, py: Python<'_>, now_ns: i64) -> PyResult<()> {
        self.work(py)?.service().make_images(now_ns);
        Ok(())
    }

    /// The service stands behind sockets: nobody may hold up the others.
    fn share(&self, py: Python<'_>) -> PyResult<()> {
        self.work(py)?.service().share();
        Ok(())
    }

    /// `key`: the name of the connection's key; `None` where connections have none.
    #[pyo3(signature = (payload, now_ns, key = None))]
    fn ingest(&self, py: Python<'_>, payload: &[u8], now_ns: i64, key: Option<&str>) -> PyResult<()> {
        let mut in_use = self.work(py)?;
        let service = in_use.service();
        without_lock(py, service.has_models(), || service.ingest_of(key, payload, now_ns));
        Ok(())
    }

    /// A message of `ingest` that waits behind others: the fixture that it halts ahead of its order, if it stops trading.
    #[pyo3(signature = (payload, now_ns, key = None))]
    fn look_ahead(
        &self,
        py: Python<'_>,
        payload: &[u8],
        now_ns: i64,
        key: Option<&str>,
    ) -> PyResult<Option<u64>> {
        let fixture = self.work(py)?.service().look_ahead(key, payload, now_ns);
        Ok(fixture.map(|fixture| fixture.0))
    }

    /// The same of a request of `orders`.
    #[pyo3(signature = (payload, now_ns, key = None))]
    fn look_ahead_order(
        &self,
        py: Python<'_>,
        payload: &[u8],
        now_ns: i64,
        key: Option<&str>,
    ) -> PyResult<Vec<u64>> {
        let fixtures = self.work(py)?.service().look_ahead_order(key, payload, now_ns);
        Ok(fixtures.into_iter().map(|fixture| fixture.0).collect())
    }

    /// A message that halted a fixture ahead of its order was handed in.
    fn end_halt(&self, py: Python<'_>, fixture: u64, now_ns: i64) -> PyResult<()> {
        self.work(py)?.service().end_halt(FixtureId(fixture), now_ns);
        Ok(())
    }

    #[pyo3(signature = (identity, payload, now_ns, key = None))]
    fn order(
        &self,
        py: Python<'_>,
        identity: &[u8],
        payload: &[u8],
        now_ns: i64,
        key: Option<&str>,
    ) -> PyResult<()> {
        let mut in_use = self.work(py)?;
        let service = in_use.service();
        without_lock(py, service.has_models(), || service.order_of(key, identity, payload, now_ns));
        Ok(())
    }

    #[pyo3(signature = (identity, payload, now_ns, key = None))]
    fn snapshot_request(
        &self,
        py: Python<'_>,
        identity: &[u8],
        payload: &[u8],
        now_ns: i64,
        key: Option<&str>,
    ) -> PyResult<()> {
        self.work(py)?.service().snapshot_request_of(key, identity, payload, now_ns);
        Ok(())
    }

    /// Defines a space: outcomes, views as (name, cells), markets as (key, view, winners, selections as (name, grades
    /// as (won, refunded, of) per cell)).
    fn define_space(
        &self,
        py: Python<'_>,
        name: String,
        outcome_count: u32,
        views: Vec<(String, Vec<u8>)>,
        markets: Vec<(String, u8, u8, Vec<Selection>)>,
        now_ns: i64,
    ) -> PyResult<()> {
        let definition = space_definition(name, outcome_count, views, markets).or_raise()?;
        // Checked here for the error's class.
        definition.check().or_raise()?;
        self.local_command(py, Body::DefineSpace(Box::new(definition)), now_ns)
    }

    /// Gives the probability of every outcome of a fixture.
    fn set_probabilities(
        &self,
        py: Python<'_>,
        fixture: u64,
        probabilities: Column<'_, f64>,
        now_ns: i64,
    ) -> PyResult<()> {
        let probabilities = probabilities.as_slice()?.to_vec();
        self.local_command(py, Body::SetProbabilities { fixture: FixtureId(fixture), probabilities }, now_ns)
    }

    /// Prices the fixtures of a space by the native function at an address.
    fn register_joint_model(
        &self,
        py: Python<'_>,
        space: &str,
        address: usize,
        budget_ns: u64,
        now_ns: i64,
    ) -> PyResult<()> {
        let model = ForeignModel::joint(joint_function(address)?, budget_ns).or_raise()?;
        self.register(py, space, model, now_ns)
    }

    /// Prices the fixtures of a space of scores by the scoring rates that the native function at an address gives.
    #[allow(clippy::too_many_arguments)] // a call of the thin Python layer, which names them
    fn register_intensity_model(
        &self,
        py: Python<'_>,
        space: &str,
        address: usize,
        side: usize,
        end_ms: f64,
        steps: usize,
        budget_ns: u64,
        now_ns: i64,
    ) -> PyResult<()> {
        let function = intensity_function(address)?;
        let model = ForeignModel::intensity(function, side, end_ms, steps, budget_ns).or_raise()?;
        self.register(py, space, model, now_ns)
    }

    #[pyo3(signature = (now_ns, read_ns = None))]
    fn tick(&self, py: Python<'_>, now_ns: i64, read_ns: Option<i64>) -> PyResult<()> {
        self.work(py)?.service().tick(now_ns, read_ns.unwrap_or(now_ns));
        Ok(())
    }

    /// Tells the desk something that the loop noticed.
    fn alert(&self, py: Python<'_>, alert: &str, message: &str, now_ns: i64) -> PyResult<()> {
        self.work(py)?.service().alert(alert, message, None, now_ns);
        Ok(())
    }

    fn set_binary(&self, py: Python<'_>, publishes: bool) -> PyResult<()> {
        self.work(py)?.service().set_binary(publishes);
        Ok(())
    }

    fn heartbeat(&self, py: Python<'_>, now_ns: i64) -> PyResult<()> {
        self.work(py)?.service().heartbeat(now_ns);
        Ok(())
    }

    fn end_turn(&self, py: Python<'_>) -> PyResult<()> {
        self.work(py)?.service().end_turn();
        Ok(())
    }

    fn work_off(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.work(py)?.service().work_off())
    }

    fn durable(&self, py: Python<'_>) -> PyResult<()> {
        self.work(py)?.service().durable();
        Ok(())
    }

    /// Also after closing: what became durable by it.
    fn take_frames<'py>(&self, py: Python<'py>, now_ns: i64) -> PyResult<Bound<'py, PyList>> {
        let frames = self.look(py)?.service().take_frames(now_ns);
        list_of_frames(py, &frames)
    }

    #[getter]
    fn is_hashing(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.look(py)?.service().is_hashing())
    }

    #[getter]
    fn has_desk_frames(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.look(py)?.service().has_desk_frames())
    }

    /// Those of a paced desk socket: after the others have left.
    fn take_desk_frames<'py>(&self, py: Python<'py>, now_ns: i64) -> PyResult<Bound<'py, PyList>> {
        let frames = self.look(py)?.service().take_desk_frames(now_ns);
        list_of_frames(py, &frames)
    }

    fn metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        let service = self.look(py)?;
        let (engine, counters) = (service.engine(), service.counters());
        let (last_seq, durable_seq) = service.progress();
        let totals = engine.counters();
        dict.set_item("epoch", engine.epoch())?;
        dict.set_item("last_seq", last_seq)?;
        dict.set_item("durable_seq", durable_seq)?;
        dict.set_item("takes_money", service.takes_money())?;
        dict.set_item("wal_bytes", service.wal_bytes())?;
        let of_journal = |of: fn(&JournalHandle) -> u64| service.journal().map_or(0, of);
        dict.set_item("sealed_seq", of_journal(JournalHandle::sealed_seq))?;
        dict.set_item("compactions_failed", of_journal(JournalHandle::compactions_failed))?;
        dict.set_item("snapshots_failed", of_journal(JournalHandle::snapshots_failed))?;
        dict.set_item("journal_pause_us_max", of_journal(JournalHandle::chore_ns_max) / 1_000)?;
        dict.set_item("archived_tickets", totals.archived_count)?;
        dict.set_item("recalled_tickets", totals.recalled_count)?;
        dict.set_item("archive_failures", counters.archive_failures)?;
        dict.set_item("quarantined_records", service.start_report().quarantined_seqs.len())?;
        dict.set_item("fixtures", engine.fixtures().len())?;
        dict.set_item("tickets", engine.tickets().len())?;
        dict.set_item("transfers_kept", engine.kept_transfer_count())?;
        dict.set_item("ingest_messages", counters.ingest_count)?;
        dict.set_item("order_messages", counters.order_count)?;
        dict.set_item("malformed_messages", counters.malformed_count.values().sum::<u64>())?;
        dict.set_item(
            "malformed_by_code",
            counters.malformed_count.iter().map(|(code, count)| (*code, *count)).collect::<Vec<_>>(),
        )?;
        dict.set_item("unknown_fields", counters.unknown_field_count)?;
        dict.set_item("board_frames", counters.board_frame_count)?;
        dict.set_item("boards_conflated", counters.conflated_count)?;
        dict.set_item("trading_frames", counters.trading_frame_count)?;
        dict.set_item("journal_refusals", counters.journal_refusal_count)?;
        dict.set_item("busy_answers", counters.busy_count)?;
        dict.set_item("superseded_requests", counters.superseded_count)?;
        dict.set_item("not_permitted", counters.not_permitted_count.values().sum::<u64>())?;
        dict.set_item(
            "not_permitted_by_key",
            counters
                .not_permitted_count
                .iter()
                .map(|(key, count)| (key.as_str(), *count))
                .collect::<Vec<_>>(),
        )?;
        dict.set_item("alerts_left_out", counters.left_out_alert_count)?;
        dict.set_item("desk_waiting", service.desk_waiting_count())?;
        dict.set_item("desk_dropped", service.desk_dropped_count())?;
        dict.set_item("commands", totals.command_count)?;
        dict.set_item("duplicates", totals.duplicate_count)?;
        dict.set_item("feed_gaps", totals.feed_gap_count)?;
        dict.set_item("refused_commands", totals.refused_command_count)?;
        dict.set_item("tickets_accepted", totals.accepted_count)?;
        dict.set_item("tickets_refused", totals.refused_count)?;
        dict.set_item("tickets_forgotten", totals.forgotten_count)?;
        dict.set_item("tickets_archived", totals.archived_count)?;
        dict.set_item("tickets_recalled", totals.recalled_count)?;
        dict.set_item("fixtures_archived", totals.archived_fixture_count)?;
        dict.set_item("fixtures_recalled", totals.recalled_fixture_count)?;
        dict.set_item("transfers_archived", totals.archived_transfer_count)?;
        dict.set_item("transfers_recalled", totals.recalled_transfer_count)?;
        dict.set_item("sources_forgotten", totals.forgotten_source_count)?;
        dict.set_item("settlements", totals.settlement_count)?;
        dict.set_item("rollbacks", totals.rollback_count)?;
        dict.set_item("turnover_minor", totals.turnover_minor)?;
        dict.set_item("platform_loss_minor", engine.platform_loss_minor())?;
        Ok(dict)
    }

    fn balances<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        account_dicts(py, self.look(py)?.engine())
    }

    fn state_hash(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.look(py)?.engine().state_hash().to_string())
    }

    fn invariants<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        invariants_dict(py, self.look(py)?.engine().invariants())
    }

    /// Once more is harmless, as it is in a fork, which has nothing to close.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if !self.owner.is_here() {
            return Ok(());
        }
        if self.state.is_poisoned() {
            // Without a snapshot: the state may be half changed. What was appended is written.
            if let Err(TryLockError::Poisoned(state)) = self.state.try_lock() {
                drop(state.into_inner().take());
            }
            return Ok(());
        }
        let mut in_use = self.look(py)?;
        if let Some(opened) = in_use.0.as_mut().filter(|opened| !opened.is_closed) {
            opened.is_closed = true;
            let service = &mut opened.service;
            py.detach(|| service.close()).map_err(|error| journal_error(py, &error))?;
        }
        Ok(())
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let Ok(in_use) = self.look(py) else { return "Service(unusable)".to_owned() };
        let (engine, is_closed) = (in_use.engine(), in_use.opened().is_closed);
        format!(
            "Service(epoch={}, fixtures={}, tickets={}{})",
            engine.epoch(),
            engine.fixtures().len(),
            engine.tickets().len(),
            if is_closed { ", closed" } else { "" }
        )
    }
}

impl PyService {
    fn local_command(&self, py: Python<'_>, body: Body, now_ns: i64) -> PyResult<()> {
        let mut in_use = self.work(py)?;
        let service = in_use.service();
        py.detach(|| service.command(LOCAL_SOURCE, body, now_ns)).map_err(|error| match error {
            CommandError::Journal(error) => journal_error(py, &error),
            refused @ CommandError::Refused(_) => typed_error(py, "OddsEngineError", &refused.to_string()),
        })
    }

    fn register(&self, py: Python<'_>, space: &str, model: ForeignModel, now_ns: i64) -> PyResult<()> {
        let mut in_use = self.work(py)?;
        let service = in_use.service();
        py.detach(|| service.register_model(space, model, now_ns)).map_err(|error| match error {
            RegisterModelError::Space(error) => error.raise(),
            RegisterModelError::Journal(error) => journal_error(py, &error),
        })
    }
}

/// Other threads run Python while a foreign model may be called. Without one a message is handled faster than the
/// interpreter's lock is given away and taken back.
fn without_lock(py: Python<'_>, may_call_model: bool, work: impl FnOnce() + Send) {
    match may_call_model {
        true => py.detach(work),
        false => work(),
    }
}

/// The engine that a journal's records make, to look at.
#[pyclass(module = "oddsengine._core", name = "Engine", frozen)]
pub struct PyEngine {
    inner: Engine,
}

struct View<'a>(&'a Engine);

impl Lookup for View<'_> {
    fn fixture(&self, id: FixtureId) -> Option<&Fixture> {
        self.0.fixture(id)
    }

    fn currency(&self) -> Currency {
        self.0.config().currency
    }
}

#[pymethods]
impl PyEngine {
    #[staticmethod]
    #[pyo3(signature = (path, *, segments = None))]
    fn from_journal(py: Python<'_>, path: PathBuf, segments: Option<PathBuf>) -> PyResult<Self> {
        let files = JournalFiles { path, segments };
        let replayed = py.detach(|| service::replay_engine(files));
        replayed.map(|(inner, _)| Self { inner }).map_err(|error| recovery_error(py, &error))
    }

    fn state_hash(&self) -> String {
        self.inner.state_hash().to_string()
    }

    fn invariants<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        invariants_dict(py, self.inner.invariants())
    }

    fn tickets<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.inner.tickets().iter().map(|ticket| self.ticket_dict(py, ticket)).collect()
    }

    fn ticket<'py>(&self, py: Python<'py>, ticket: u128) -> PyResult<Bound<'py, PyAny>> {
        match self.inner.ticket(TicketId(ticket)) {
            Some(ticket) => self.ticket_dict(py, ticket),
            None => Err(PyValueError::new_err(format!("ticket {ticket:032x} is not in the journal"))),
        }
    }

    fn balances<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        account_dicts(py, &self.inner)
    }

    fn fixtures<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut out = Vec::new();
        let engine = &self.inner;
        let fixtures = engine.fixtures().iter().map(|fixture| (fixture, engine.version(fixture).seq));
        wire::reply_fixtures(&nobody(), fixtures, None, &mut out);
        loads(py, &out)?.get_item("fixtures")
    }

    fn exposure<'py>(&self, py: Python<'py>, fixture: u64) -> PyResult<Bound<'py, PyAny>> {
        let Some(fixture) = self.inner.fixture(FixtureId(fixture)) else {
            return Err(PyValueError::new_err(format!("fixture {fixture} is not in the journal")));
        };
        let exposure = self.inner.exposure(fixture);
        let mut out = Vec::new();
        wire::reply_exposure(&nobody(), &[], Some((fixture, &exposure)), None, &View(&self.inner), &mut out);
        loads(py, &out)?.get_item("fixture")
    }
}

impl PyEngine {
    fn ticket_dict<'py>(&self, py: Python<'py>, ticket: &Ticket) -> PyResult<Bound<'py, PyAny>> {
        let mut out = Vec::new();
        wire::reply_ticket(&nobody(), ticket, true, &View(&self.inner), &mut out);
        loads(py, &out)?.get_item("ticket")
    }
}

/// Every account of the ledger.
fn account_dicts<'py>(py: Python<'py>, engine: &Engine) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let ledger = engine.ledger();
    let accounts = ledger.accounts().iter();
    accounts
        .map(|account| {
            let id = ledger.find(account.kind, account.currency).expect("listed accounts are found");
            let balance = ledger.balance(id);
            let dict = PyDict::new(py);
            let kind = format!("{:?}", account.kind);
            dict.set_item("account", kind.split('(').next())?;
            dict.set_item("customer", account.kind.customer().map(|CustomerId(customer)| customer))?;
            dict.set_item("currency", account.currency.code())?;
            dict.set_item("posted_minor", balance.posted_minor)?;
            dict.set_item("available_minor", balance.available_minor)?;
            dict.set_item("reserved_minor", balance.pending_debit_minor)?;
            Ok(dict)
        })
        .collect()
}

fn list_of_frames<'py>(py: Python<'py>, frames: &[Frame]) -> PyResult<Bound<'py, PyList>> {
    let items = frames.iter().map(|frame| {
        (frame.socket as i32, [PyBytes::new(py, &frame.first), PyBytes::new(py, &frame.payload)])
    });
    PyList::new(py, items.collect::<Vec<_>>())
}

fn nobody() -> wire::ReplyTo<'static> {
    wire::ReplyTo { request_id: None, epoch: 0, received_ns: 0, decided_ns: 0 }
}

fn loads<'py>(py: Python<'py>, json: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    py.import("orjson")?.call_method1("loads", (PyBytes::new(py, json),))
}

/// Panics, as a bug would, for tests of what is behind that; with a service, inside a call of it.
#[pyfunction]
#[pyo3(signature = (service = None))]
fn panic_for_tests(py: Python<'_>, service: Option<&Bound<'_, PyService>>) -> PyResult<()> {
    let _in_use = service.map(|service| service.get().work(py)).transpose()?;
    panic!("a panic for tests");
}

/// Verifies a journal: chain, checksums, gaps, the acknowledged mark.
#[pyfunction]
#[pyo3(signature = (path, *, anchor = None, segments = None))]
fn verify_journal<'py>(
    py: Python<'py>,
    path: PathBuf,
    anchor: Option<&str>,
    segments: Option<PathBuf>,
) -> PyResult<Bound<'py, PyDict>> {
    let anchor = head_of_text(anchor)?;
    let files = JournalFiles { path, segments };
    let report =
        py.detach(|| journal::verify_against(files, anchor)).map_err(|error| journal_error(py, &error))?;
    let dict = PyDict::new(py);
    dict.set_item("is_sound", report.is_sound())?;
    dict.set_item("records", report.record_count)?;
    dict.set_item("groups", report.group_count)?;
    dict.set_item("last_seq", report.last_seq)?;
    dict.set_item("epoch", report.head.position.epoch)?;
    dict.set_item("head_hash", report.head.hash.to_string())?;
    dict.set_item("anchor", report.head.to_string())?;
    dict.set_item("owner_pid", report.owner_pid)?;
    dict.set_item("quarantined", report.quarantined.iter().map(|entry| entry.seq).collect::<Vec<_>>())?;
    dict.set_item("acknowledged_seq", report.acknowledged.map(|position| position.seq))?;
    dict.set_item("segments", report.segments.len())?;
    dict.set_item("snapshots", report.snapshots.iter().map(|snapshot| snapshot.seq).collect::<Vec<_>>())?;
    dict.set_item("damages", report.damages.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    Ok(dict)
}

/// The last acknowledged link of a journal, as `SEQ:HASH`.
#[pyfunction]
fn journal_anchor(py: Python<'_>, path: PathBuf) -> PyResult<String> {
    let head = py.detach(|| journal::acknowledged_head(&path)).map_err(|error| journal_error(py, &error))?;
    Ok(head.to_string())
}

/// Seals old groups into segments; the journal must not be in use.
#[pyfunction]
#[pyo3(signature = (path, *, now_ns, before_seq = None, before_ns = None, segments = None, told = None))]
fn compact_journal<'py>(
    py: Python<'py>,
    path: PathBuf,
    now_ns: i64,
    before_seq: Option<u64>,
    before_ns: Option<i64>,
    segments: Option<PathBuf>,
    told: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let files = JournalFiles { path, segments };
    let options = CompactOptions { before_seq, before_ns, now_ns, ..CompactOptions::default() };
    let mut told_at = Instant::now();
    let mut tell = |progress: CompactProgress| {
        if let Some(told) = told.as_ref().filter(|_| COMPACT_TOLD_EVERY <= told_at.elapsed()) {
            told_at = Instant::now();
            let CompactProgress { seq, until_seq, deleted_seq } = progress;
            // What is told to nobody stops no compaction.
            let _ = Python::attach(|py| told.call1(py, (seq, until_seq, deleted_seq)));
        }
    };
    let report = py
        .detach(|| journal::compact_telling(files, &options, &mut tell))
        .map_err(|error| journal_error(py, &error))?;
    let dict = PyDict::new(py);
    let names = report.sealed.iter().map(|info| info.file_name.clone());
    dict.set_item("sealed", names.collect::<Vec<_>>())?;
    let sum = |of: fn(&SegmentInfo) -> u64| report.sealed.iter().map(of).sum::<u64>();
    dict.set_item("records", sum(|info| info.record_count))?;
    dict.set_item("groups", sum(|info| info.group_count))?;
    dict.set_item("record_bytes", sum(|info| info.byte_count))?;
    dict.set_item("segment_bytes", sum(|info| info.file_bytes))?;
    dict.set_item("deleted_groups", report.deleted_group_count)?;
    dict.set_item("database_bytes", report.database_bytes)?;
    dict.set_item("free_bytes", report.free_bytes)?;
    Ok(dict)
}

/// Progress of a compaction is told so often.
const COMPACT_TOLD_EVERY: Duration = Duration::from_secs(1);

/// Says of a resting journal that its archive does not fit its records: the next start makes it anew.
#[pyfunction]
fn distrust_archive(py: Python<'_>, path: PathBuf) -> PyResult<()> {
    py.detach(|| journal::distrust_archive(&path)).map_err(|error| journal_error(py, &error))
}

/// The records that are quarantined in a journal.
#[pyfunction]
#[pyo3(signature = (path, *, segments = None))]
fn quarantined_records<'py>(
    py: Python<'py>,
    path: PathBuf,
    segments: Option<PathBuf>,
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let files = JournalFiles { path, segments };
    let entries = py.detach(|| journal::quarantined(files)).map_err(|error| journal_error(py, &error))?;
    entries.iter().map(|entry| quarantine_dict(py, entry)).collect()
}

/// Takes a record out of every replay; the journal must not be in use.
#[pyfunction]
#[pyo3(signature = (path, seq, *, by, reason, now_ns, is_forced = false))]
fn quarantine_record<'py>(
    py: Python<'py>,
    path: PathBuf,
    seq: u64,
    by: &str,
    reason: &str,
    now_ns: i64,
    is_forced: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let order = QuarantineOrder { seq, by, reason, now_ns, is_forced, panic_at_seq: None };
    let entry =
        py.detach(|| service::quarantine(&path, &order)).map_err(|error| recovery_error(py, &error))?;
    quarantine_dict(py, &entry)
}

/// Takes a record back into replay; the journal must not be in use.
#[pyfunction]
#[pyo3(signature = (path, seq, *, by, reason, now_ns))]
fn release_record(
    py: Python<'_>,
    path: PathBuf,
    seq: u64,
    by: &str,
    reason: &str,
    now_ns: i64,
) -> PyResult<()> {
    let order = QuarantineOrder { seq, by, reason, now_ns, is_forced: false, panic_at_seq: None };
    py.detach(|| service::release(&path, &order)).map_err(|error| recovery_error(py, &error))
}

fn quarantine_dict<'py>(py: Python<'py>, entry: &QuarantineEntry) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("record", entry.seq)?;
    dict.set_item("by", &entry.by)?;
    dict.set_item("reason", &entry.reason)?;
    dict.set_item("time_ns", entry.at_ns)?;
    dict.set_item("record_hash", entry.record_hash.to_string())?;
    Ok(dict)
}

fn head_of_text(text: Option<&str>) -> PyResult<Option<Head>> {
    text.map(|text| text.parse().map_err(PyValueError::new_err)).transpose()
}

/// Replays a journal from zero.
#[pyfunction]
#[pyo3(signature = (path, *, segments = None))]
fn replay_journal<'py>(
    py: Python<'py>,
    path: PathBuf,
    segments: Option<PathBuf>,
) -> PyResult<Bound<'py, PyDict>> {
    let files = JournalFiles { path, segments };
    let report = py.detach(|| service::replay_journal(files)).map_err(|error| recovery_error(py, &error))?;
    let dict = PyDict::new(py);
    dict.set_item("state_hash", report.state_hash.to_string())?;
    dict.set_item("commands", report.command_count)?;
    dict.set_item("quarantined", report.quarantined_seqs)?;
    dict.set_item("decided_anew", report.redecided_seqs)?;
    dict.set_item("seconds", report.seconds)?;
    dict.set_item("commands_per_s", report.command_count as f64 / report.seconds.max(1e-9))?;
    dict.set_item("invariants", invariants_dict(py, report.invariants)?)?;
    let (is_sound, archive) = match report.archive {
        None => (true, "not compared".to_owned()),
        Some(Ok(_)) => (true, "as recorded".to_owned()),
        Some(Err(fault)) => (false, fault),
    };
    dict.set_item("archive", archive)?;
    dict.set_item("archive_is_sound", is_sound)?;
    Ok(dict)
}

/// Runs ingest messages (one JSON object per line) through a fresh engine, as fast as it goes.
#[pyfunction]
fn replay_recording<'py>(
    py: Python<'py>,
    lines: &[u8],
    config: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyDict>> {
    let config = config_from_dict(config)?;
    let mut engine = Engine::new(config).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let (mut count, mut malformed) = (0_u64, 0_u64);
    let started = std::time::Instant::now();
    for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        count += 1;
        match oddsengine_feeds::decode_ingest(line, 0) {
            Ok(decoded) => {
                let mut command = decoded.value;
                command.time_ns = command.origin.source_ns;
                // What is due is left: fixtures of days ago would leave for an archive that is not there.
                engine.step(&command);
                engine.price_changed();
            }
            Err(_) => malformed += 1,
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let dict = PyDict::new(py);
    dict.set_item("messages", count)?;
    dict.set_item("malformed", malformed)?;
    dict.set_item("refused", engine.counters().refused_command_count)?;
    dict.set_item("fixtures", engine.fixtures().len())?;
    dict.set_item("finished", engine.fixtures().iter().filter(|fixture| fixture.is_closed()).count())?;
    dict.set_item("board_changes", engine.fixtures().iter().map(|fixture| fixture.version).sum::<u64>())?;
    dict.set_item("seconds", seconds)?;
    dict.set_item("state_hash", engine.state_hash().to_string())?;
    dict.set_item("invariants", invariants_dict(py, engine.invariants())?)?;
    Ok(dict)
}

fn invariants_dict<'py>(
    py: Python<'py>,
    invariants: Vec<(&'static str, Result<(), String>)>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, result) in invariants {
        dict.set_item(name, result.is_ok())?;
        if let Err(difference) = result {
            dict.set_item(format!("{name}_difference"), difference)?;
        }
    }
    Ok(dict)
}

pub(crate) fn recovery_error(py: Python<'_>, error: &RecoveryError) -> PyErr {
    match error {
        RecoveryError::Config(error) => PyValueError::new_err(error.to_string()),
        error => coded_error(py, &error.to_string(), error.code(), error.is_transient()),
    }
}

pub(crate) fn journal_error(py: Python<'_>, error: &JournalError) -> PyErr {
    coded_error(py, &error.to_string(), error.code(), error.is_transient())
}

pub(crate) fn coded_error(py: Python<'_>, message: &str, code: &str, is_transient: bool) -> PyErr {
    let class = py.import("oddsengine.exceptions").and_then(|module| module.getattr("JournalError"));
    let made = class.and_then(|class| class.call1((message, code, is_transient)));
    made.map_or_else(|_| PyRuntimeError::new_err(message.to_string()), PyErr::from_value)
}

/// An exception of `oddsengine.exceptions` with a message of the core.
fn typed_error(py: Python<'_>, class: &str, message: &str) -> PyErr {
    let made = py.import("oddsengine.exceptions").and_then(|module| module.getattr(class)?.call1((message,)));
    made.map_or_else(|_| PyRuntimeError::new_err(message.to_string()), PyErr::from_value)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    count_forks();
    module.add_class::<PyService>()?;
    module.add_class::<PyEngine>()?;
    module.add_function(wrap_pyfunction!(panic_for_tests, module)?)?;
    module.add_function(wrap_pyfunction!(verify_journal, module)?)?;
    module.add_function(wrap_pyfunction!(compact_journal, module)?)?;
    module.add_function(wrap_pyfunction!(distrust_archive, module)?)?;
    module.add_function(wrap_pyfunction!(replay_journal, module)?)?;
    module.add_function(wrap_pyfunction!(journal_anchor, module)?)?;
    module.add_function(wrap_pyfunction!(quarantined_records, module)?)?;
    module.add_function(wrap_pyfunction!(quarantine_record, module)?)?;
    module.add_function(wrap_pyfunction!(release_record, module)?)?;
    module.add_function(wrap_pyfunction!(replay_recording, module)?)?;
    Ok(())
}
