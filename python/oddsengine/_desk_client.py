"""The client of the desk: commands on the orders socket, events on the desk socket."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import orjson
import zmq

from oddsengine import _arrays, _core, _hints
from oddsengine._annulments import Annulled, AnnulmentPreview, Certainty, Effect
from oddsengine._annulments import covered as _covered
from oddsengine._connection import (
    DESK,
    FRAMES_PER_POLL,
    ORDERS,
    Context,
    CurveKeys,
    RefusedError,
    RequestTimeoutError,
    Socket,
    connect,
    has_more,
    milliseconds,
)
from oddsengine._explain import Expectation, ExpectationMode, Explanation
from oddsengine._feed_client import prices_of
from oddsengine._messages import Alert, Done, Json, Settlement, Ticket, TicketChange, Times
from oddsengine._orders_client import OrdersClient
from oddsengine._replies import PAGE_ITEMS, expect, naming

_MARGIN = ("method", "booksum")

DeskEvent = Ticket | Settlement | Alert
# How a customer stands, what they limit for themselves and in which time, a trader's word.
Standing = Literal["active", "suspended", "self_excluded", "closed"]
OwnLimitKind = Literal["deposit", "loss", "stake"]
Period = Literal["day", "week", "month"]
RulingVerdict = Literal["accept", "part", "counter", "decline"]


def _named(done: Done, request: Mapping[str, Any]) -> Done:
    """A refusal that names the market which is not there, and the near one: the engine has its number."""
    market = request.get("market")
    if done.reason is None or done.reason.name != "selection_not_found" or not isinstance(market, str):
        return done
    from oddsengine import tennis

    # Those of the usual formats: what is near is a hint.
    selections = (*_core.football_selections(), *_core.tennis_selections(tennis.Format()._core()))
    known = dict.fromkeys(name.partition("/")[0] for name in selections)
    detail = f"market {market!r} is not on fixture {request.get('fixture')}{_hints.hint(market, known)}"
    return replace(done, detail=detail)


class DeskClient(OrdersClient):
    """What a trader does: suspend, price, settle, look at exposure, and hear what happens.

    Commands answer with a :class:`Done`, which is false with a reason when the command was refused.

    What is missed on the way is noticed by its numbers, at the latest at the desk's next heartbeat, and asked
    for on ``orders``: :meth:`events` brings every change of a ticket in order and once, over restarts of the
    engine too. Where a ticket changed several times meanwhile, only its last change is told.

    Parameters
    ----------
    orders, desk
        Endpoints of the engine; ``desk=None`` does not subscribe.
    source
        Who gives the commands: it stands in the journal.
    topics
        ``desk.ticket.``, ``desk.settlement``, ``desk.alert``; ``desk.`` is all of them.
    since
        The :attr:`cursor` of an earlier client: everything that changed since is told first. Without it the
        events begin with the connection.
    """

    def __init__(
        self,
        orders: str = ORDERS,
        desk: str | None = DESK,
        *,
        source: str = "desk",
        topics: Sequence[str] = ("desk.",),
        keys: CurveKeys | None = None,
        timeout_s: float = 5.0,
        retry_s: float = 1.0,
        context: Context | None = None,
        since: int | None = None,
    ) -> None:
        super().__init__(orders, keys=keys, timeout_s=timeout_s, retry_s=retry_s, context=context)
        self.source = source
        # The last change of a ticket that was told; none before the first message.
        self.cursor = since
        # Numbers missing in a stream of the desk socket, when all of the stream is subscribed to.
        self.missed_count = 0
        # Events that were asked for because they were missed, times that happened, and alerts that are gone.
        self.recovered_count = self.recovery_count = self.lost_alert_count = 0
        # Frames of changes that were told already.
        self.duplicate_count = 0
        self._stream_epoch: int | None = None
        self._seqs: dict[str, int] = {}
        self._is_behind_alerts = False
        self._alert_seq = 0
        self._whole = {
            kind
            for kind, stream in (
                ("ticket", "desk.ticket."),
                ("settlement", "desk.settlement"),
                ("alert", "desk.alert"),
            )
            if any(stream.startswith(topic) for topic in topics)
        }
        self._hears_changes = bool(self._whole & {"ticket", "settlement"})
        self._is_behind = since is not None and self._hears_changes
        self._desk = None
        if desk is not None:
            words = [topic.encode() for topic in topics]
            if self._whole and "desk." not in topics:
                words.append(b"desk.heartbeat")
            self._desk = connect(zmq.SUB, desk, keys, context, queue_max=100_000, topics=words)

    def events(self, timeout_s: float = 0.0) -> list[DeskEvent]:
        """Decisions, settlements and alerts that have come; waits for the first one.

        What was missed is asked for and told first. While the engine does not answer, nothing is told out of
        order: call it again.

        Raises
        ------
        RequestError
            ``since`` was a number of another journal; the next call goes on with what comes.
        RefusedError
            Something was missed, and the key may not ask for it; the next call goes on with what comes.
        """
        found: list[DeskEvent] = []
        until_s = time.monotonic() + timeout_s
        while self._desk is not None and self._catch_up(found) and len(found) < FRAMES_PER_POLL:
            wait_s = 0.0 if found else max(0.0, until_s - time.monotonic())
            if not self._desk.poll(milliseconds(wait_s)):
                break
            self._read_desk(self._desk, found)
        return found

    def _read_desk(self, desk: Socket, found: list[DeskEvent]) -> None:
        for _ in range(FRAMES_PER_POLL):
            self._take(orjson.loads(desk.recv_multipart(zmq.NOBLOCK)[1]), found)
            if self._is_behind or self._is_behind_alerts or not has_more(desk):
                return

    def _take(self, message: Json, found: list[DeskEvent]) -> None:
        """Tells a frame, unless it was told or others are missing before it."""
        kind, epoch = message["type"], message["epoch"]
        if self._stream_epoch is not None and epoch > self._stream_epoch:
            # The numbers of frames begin anew; what changed until then is asked for.
            self._seqs = dict.fromkeys(("ticket", "settlement", "alert"), 0)
            self._alert_seq = 0
            self._is_behind |= self.cursor is not None and self._hears_changes
        self._stream_epoch = epoch
        if kind == "desk_heartbeat":
            self._take_heartbeat(message)
            return
        seq, last = message["seq"], self._seqs.get(kind)
        self._seqs[kind] = seq
        if kind not in self._whole:
            found.append(desk_event(message, time.time_ns()))
            return
        missed_count = 0 if last is None else max(0, seq - last - 1)
        self.missed_count += missed_count
        if kind == "alert":
            self._is_behind_alerts |= missed_count > 0
            if not self._is_behind_alerts and seq > self._alert_seq:
                self._alert_seq = seq
                found.append(desk_event(message, time.time_ns()))
            return
        change = message["change"]
        if self.cursor is None:
            self.cursor = change - 1
        # Both streams together have every change; of one the frames' numbers tell, once there is one before.
        is_comparable = last is None or self._whole >= {"ticket", "settlement"}
        self._is_behind |= missed_count > 0 or (is_comparable and change > self.cursor + 1)
        if self._is_behind:
            return
        if change <= self.cursor:
            self.duplicate_count += 1
            return
        self.cursor = change
        found.append(desk_event(message, time.time_ns()))

    def _take_heartbeat(self, message: Json) -> None:
        # Numbers of both streams are those of all changes; of one stream they tell as much once one is known.
        is_comparable = self._whole >= {"ticket", "settlement"} or not self._whole <= self._seqs.keys()
        for kind in self._whole:
            tail = message[f"{kind}_seq"]
            missed_count = max(0, tail - self._seqs.get(kind, tail))
            self.missed_count += missed_count
            self._seqs[kind] = max(tail, self._seqs.get(kind, 0))
            if kind == "alert":
                self._is_behind_alerts |= missed_count > 0
                self._alert_seq = self._alert_seq if missed_count else max(tail, self._alert_seq)
            else:
                self._is_behind |= missed_count > 0
        if self.cursor is None:
            self.cursor = message["change"]
        elif self._hears_changes and is_comparable:
            self._is_behind |= message["change"] > self.cursor
        elif self._hears_changes and not self._is_behind:
            self.cursor = max(self.cursor, message["change"])

    def _catch_up(self, found: list[DeskEvent]) -> bool:
        """Asks for what is missing; false while something still is."""
        if not (self._is_behind or self._is_behind_alerts):
            return True
        self.recovery_count += 1
        count = len(found)
        try:
            if self._is_behind_alerts:
                self._catch_up_alerts(found)
            while self._is_behind and len(found) < FRAMES_PER_POLL:
                self._catch_up_changes(found)
        except RequestTimeoutError:
            # The engine is away: asked again at the next call.
            pass
        self.recovered_count += len(found) - count
        return not (self._is_behind or self._is_behind_alerts)

    def _catch_up_changes(self, found: list[DeskEvent]) -> None:
        assert self.cursor is not None
        kind = "settlements" if "ticket" not in self._whole else "tickets"
        request = {"type": kind, "since": self.cursor, "limit": PAGE_ITEMS}
        reply = self.request(request)
        if reply.type in ("error", "refused"):
            self.cursor, self._is_behind = None, False
            expect(reply, tuple)
        for change in reply.body["changes"]:
            told = TicketChange.of(change)
            if not told.is_settlement:
                found.append(told.ticket)
            elif "settlement" in self._whole:
                found.append(Settlement(told.ticket, told.paid_minor_before))
            elif change["change_before"] > self.cursor:
                # Only decisions are subscribed to, and its decision may be among what was missed.
                found.append(told.ticket)
        self.cursor = reply.body["next"]
        self._is_behind = self.cursor < reply.body["last"]

    def _catch_up_alerts(self, found: list[DeskEvent]) -> None:
        while True:
            request = {"type": "alerts", "since": self._alert_seq, "epoch": self._stream_epoch}
            reply = self.request(request | {"limit": PAGE_ITEMS})
            if reply.type in ("error", "refused"):
                self._is_behind_alerts = False
                expect(reply, tuple)
            body = reply.body
            if body["epoch"] != self._stream_epoch:
                # Started again meanwhile: the frames of the new epoch show what is missing of it.
                self._is_behind_alerts = False
                return
            self.lost_alert_count += max(0, body["first"] - self._alert_seq - 1)
            for alert in body["alerts"]:
                found.append(desk_event(alert | {"sent_ns": 0}, time.time_ns()))
            self._alert_seq = body["next"]
            if body["next"] >= body["last"]:
                self._is_behind_alerts = False
                return

    def _command(self, kind: str, /, **fields: Any) -> Done:
        return self._do(
            {"type": kind, **{name: value for name, value in fields.items() if value is not None}}
        )

    def _do(self, request: Json) -> Done:
        with naming(request):
            value = self.request(request | {"source": self.source}).value
        # A ticket's refusal names the ticket; for the desk it is a refusal like any other.
        return _named(value, request) if isinstance(value, Done) else Done(True)

    def suspend(self, fixture: int, market: str | None = None) -> Done:
        """Stop trading of a fixture, or of one of its markets."""
        return self._command("suspend", fixture=fixture, market=market)

    def resume(self, fixture: int, market: str | None = None, *, stops: Sequence[str] = ()) -> Done:
        """Take back a :meth:`suspend`.

        Parameters
        ----------
        stops
            Further stops of the fixture to lift, by their names on the wire: ``("silence", "start_passed")``.
            A person has looked; those of the model cannot be lifted.
        """
        lifted = _arrays.items(stops, "stops") or None
        return self._command("resume", fixture=fixture, market=market, stops=lifted)

    def reset_source(self, name: str) -> Done:
        """Let a feed count its messages anew, after it restarted or lost its place.

        What it feeds stays stopped until it tells a score that fits.
        """
        return self._command("reset_source", name=name)

    def set_expectation(
        self,
        fixture: int,
        *,
        supremacy: float | None = None,
        total: float | None = None,
        mode: ExpectationMode = "once",
        weight: float | None = None,
    ) -> Done:
        """Move the expected goals (tennis: games): home minus away, and of both; all markets follow.

        Parameters
        ----------
        supremacy, total
            What is expected; with ``"offset"`` what is added to what feeds say. Not with ``"release"``.
        mode
            ``"once"``: until the next prices of a feed, which are told by the alert ``expectation_replaced``.
            ``"hold"``: it stands, whatever feeds say. ``"offset"``: it is added to what they say.
            ``"blend"``: it is mixed with it by ``weight``. These three stand until ``"release"``, or the next
            expectation; :meth:`expectation` reads them back.
        weight
            Of a blend: the share of this expectation, 0 to 1.
        """
        return self._command(
            "set_expectation",
            fixture=fixture,
            supremacy=supremacy,
            total=total,
            mode=None if isinstance(mode, str) and mode == "once" else mode,
            weight=weight,
        )

    def expectation(self, fixture: int) -> Expectation | None:
        """The expectation that stands on a fixture and whose it is, ``None`` if none does.

        Raises
        ------
        RefusedError
            The fixture is not known.
        """
        return self.explain(fixture).expectation

    def explain(self, fixture: int, market: str | None = None) -> Explanation:
        """Where the prices of a fixture, and of one of its markets, come from.

        Parameters and who set them when, fair price, margin, skew, ladder, source, stops with their owners.

        >>> from oddsengine import Engine
        >>> engine = Engine(clock=iter(range(1_000_000_000, 2_000_000_000)).__next__)
        >>> engine.feed.fixture(1, competition="friendly", home="Alba", away="Bruma", start_ns=0)
        >>> engine.feed.prices(1, odds_1x2=(2.10, 3.40, 3.60), total_line=2.5, odds_total=(1.95, 1.90))
        >>> found = engine.explain(1, "1x2")
        >>> found.set_by, found.set_command, found.margin_method, found.ladder
        ('feed', 'prices', 'multiplicative', 'fine')

        Raises
        ------
        RefusedError
            The fixture, or the market, is not known.
        """
        selections: list[Json] = []
        after: int | None = 0
        body: Json = {}
        while after is not None:
            request: Json = {"type": "explain", "fixture": fixture, "after": after}
            if market is not None:
                request["market"] = market
            with naming(request):
                reply = self.request(request)
                if reply.type == "refused":
                    refused = _named(expect(reply, Done), request)
                    raise RefusedError(refused.reason, refused.detail)
                if reply.type == "error":
                    expect(reply, tuple)
            body = reply.body
            selections += body["selections"]
            after = body["next"]
        return Explanation.of(body, selections)

    def set_prices(
        self,
        fixture: int,
        *,
        markets: Mapping[str, Sequence[float | None]] | None = None,
        odds_1x2: Sequence[float] | None = None,
        total_line: float | None = None,
        odds_total: Sequence[float] | None = None,
    ) -> Done:
        """Calibrate the model of a fixture from market prices: by market key, or football's two main
        markets."""
        prices = prices_of(markets, odds_1x2, total_line, odds_total)
        return self._command("set_prices", fixture=fixture, **prices)

    def manual_odds(
        self,
        fixture: int,
        market: str,
        odds: Sequence[float | None] | None,
        *,
        in_play: bool = False,
        override_by: str | None = None,
    ) -> Done:
        """Set the odds of every selection of a market by hand; ``None`` returns it to the model.

        Prices above the model's fair ones, and books that sum to less than 1 or more than 2, are refused.
        When the fair price moves beyond a tolerance, the market is suspended until it is priced anew or
        resumed.

        Parameters
        ----------
        in_play
            They stay through the start of the fixture; otherwise the market returns to the model then.
        override_by
            Who answers for prices that would be refused. Meanwhile the markets of the model are suspended.
        """
        prices = None if odds is None else _arrays.items(odds, "odds")
        request: Json = {"type": "manual_odds", "fixture": fixture, "market": market, "odds": prices}
        if _arrays.flag(in_play, "in_play"):
            request["in_play"] = True
        if override_by is not None:
            request["override_by"] = override_by
        return self._do(request)

    def lock_market(self, fixture: int, market: str, *, locked: bool = True, in_play: bool = False) -> Done:
        """Keep the prices of a market where they are, or let them follow the model again.

        ``in_play``: it stays locked through the start of the fixture.
        """
        keeps = _arrays.flag(in_play, "in_play") or None
        return self._command("lock_market", fixture=fixture, market=market, locked=locked, in_play=keeps)

    def settle_market(
        self,
        fixture: int,
        market: str,
        grades: Sequence[str] | None,
        *,
        certainty: Certainty | None = None,
        happened_ns: int | None = None,
        correction: bool = False,
    ) -> Done:
        """Grade the selections of a market by hand: ``won``, ``lost``, ``void``; ``None`` takes it back.

        Parameters
        ----------
        certainty
            ``"provisional"`` grades and pays nothing before ``"confirmed"`` is told, or the configured time
            has passed.
        happened_ns
            When that happened which decides it, by the official clock, in nanoseconds since 1970: bets that
            were accepted later are reported.
        correction
            It corrects a result that stood: what was settled by that follows the rules of the house.
        """
        told = None if grades is None else _arrays.items(grades, "grades")
        request: Json = {"type": "settle_market", "fixture": fixture, "market": market, "grades": told}
        more = {"certainty": certainty, "happened_ns": happened_ns, "correction": correction or None}
        return self._do(request | {name: value for name, value in more.items() if value is not None})

    def annul(
        self,
        effect: Effect,
        *,
        customer: int | None = None,
        fixture: int | None = None,
        market: str | None = None,
        from_ns: int | None = None,
        until_ns: int | None = None,
        why: str = "",
        annulment: str | None = None,
    ) -> Annulled:
        """Void legs or cancel tickets of which all that is given holds.

        Parameters
        ----------
        effect
            ``"void"``: tickets are settled without the legs that are covered. ``"cancel"``: whole tickets are
            withdrawn, and their stakes go back.
        from_ns, until_ns
            Accepted at or after, and before these times, in nanoseconds since 1970; absent: until now.
        annulment
            Its id, 32 hexadecimal digits; drawn where it is absent. The same id with the same body is carried
            out once.

        Returns
        -------
        The answer with the id under which :meth:`take_back_annulment` takes it back. A large one goes on in
        slices; :meth:`DeskTables.annulments` says how far it has come.
        """
        known = annulment or uuid.uuid4().hex
        done = self._command(
            "annul",
            annulment=known,
            **_covered(effect, customer, fixture, market, from_ns, until_ns),
            why=why or None,
        )
        return Annulled(done, known)

    def preview_annulment(
        self,
        effect: Effect,
        *,
        customer: int | None = None,
        fixture: int | None = None,
        market: str | None = None,
        from_ns: int | None = None,
        until_ns: int | None = None,
    ) -> AnnulmentPreview:
        """Look which tickets, whose and how much money :meth:`annul` would touch; nothing changes.

        It is told in pages, each as of when it is asked for.
        """
        which = _covered(effect, customer, fixture, market, from_ns, until_ns)
        return AnnulmentPreview.of(self.tables.annulment_preview(**which))

    def take_back_annulment(self, annulment: str) -> Done:
        """Take back what :meth:`annul` did: what it took comes back, and is settled as it is now."""
        return self._command("take_back_annulment", annulment=annulment)

    def set_review(self, fixture: int, market: str | None = None, *, why: str | None) -> Done:
        """Pay nothing on a fixture or a market until the review is lifted (``why=None``)."""
        request: Json = {"type": "set_review", "fixture": fixture, "why": why}
        return self._do(request if market is None else request | {"market": market})

    def approve(self, action: int) -> Done:
        """Carry out what waits for a second person; refused with the key of whoever asked for it."""
        return self._command("approve", action=action)

    def decline(self, action: int) -> Done:
        """Drop what waits for a second person."""
        return self._command("decline", action=action)

    def set_model_inputs(self, fixture: int, inputs: Sequence[float]) -> Done:
        """Set what the own model of a fixture computes from: up to 256 finite numbers.

        The fixture is suspended until the model has answered; one that is registered answers at once.
        """
        told = _arrays.numbers(inputs, "inputs", axes=1).tolist()
        return self._command("model_inputs", fixture=fixture, inputs=told)

    def set_probabilities(self, fixture: int, probabilities: Sequence[float]) -> Done:
        """Price a fixture of a space in its present state by the probability of every outcome.

        They sum to 1 within a millionth, and what is not possible has none. A message holds about 3,000.
        """
        given = [float(value) for value in probabilities]
        return self._command("probabilities", fixture=fixture, probabilities=given)

    def void_fixture(self, fixture: int) -> Done:
        """Void everything: the fixture did not take place."""
        return self._command("void_fixture", fixture=fixture)

    def abandon_fixture(self, fixture: int) -> Done:
        """Void what was not decided when the fixture was abandoned."""
        return self._command("abandon_fixture", fixture=fixture)

    def reinstate_fixture(self, fixture: int) -> Done:
        """Take back a void."""
        return self._command("reinstate_fixture", fixture=fixture)

    def cancel_ticket(self, ticket: str) -> Done:
        """Cancel a ticket: stakes go back, whatever was paid is reversed."""
        return self._command("cancel_ticket", ticket=ticket)

    def set_customer(self, customer: int, *, factor: float) -> Done:
        """Set a customer's share of the limits; 0 blocks."""
        return self._command("set_customer", customer=customer, factor=factor)

    def set_switch(self, scope: Mapping[str, Any], *, off: bool, reason: str = "") -> Done:
        """Take no bets in a scope, or take them again.

        Parameters
        ----------
        scope
            ``{"level": "all"}``, ``{"level": "channel", "channel": "app"}``,
            ``{"level": "customer", "customer": 42}``, or a level of :meth:`set_scope`.
        reason
            Why, 1 to 256 bytes; may be left out where it is turned on again.
        """
        return self._command("set_switch", scope=dict(scope), off=off, reason=reason or None)

    def set_standing(
        self, customer: int, standing: Standing, *, until_ns: int | None = None, reason: str = ""
    ) -> Done:
        """Say how a customer stands with the operator: bets and deposits are taken of active ones alone.

        Parameters
        ----------
        until_ns
            Of ``"self_excluded"``: until when, in nanoseconds; nobody ends it sooner.
        """
        return self._command(
            "set_standing", customer=customer, standing=standing, until_ns=until_ns, reason=reason or None
        )

    def set_customer_terms(
        self,
        customer: int,
        *,
        factors: Sequence[Mapping[str, Any]] = (),
        flagged: bool = False,
        referral_stake_minor: int | None = None,
    ) -> Done:
        """Say how the bets of a customer are looked at; what is left out is as for everybody.

        Parameters
        ----------
        factors
            ``{"sport": "football", "in_play": True, "factor": 0.25}``, at most 32; the most specific one
            holds, before the factor of :meth:`set_customer`.
        flagged
            Every bet goes to a trader.
        referral_stake_minor
            Larger stakes go to a trader.
        """
        return self._command(
            "set_customer_terms",
            customer=customer,
            factors=[dict(factor) for factor in factors],
            flagged=flagged,
            referral_stake_minor=referral_stake_minor,
        )

    def set_own_limit(
        self, customer: int, *, kind: OwnLimitKind, period: Period, limit_minor: int | None
    ) -> Done:
        """Set what a customer limits for themselves; ``None`` is no limit.

        A lower limit holds at once, a higher one waits for ``limits.limit_increase_ms`` and to be confirmed.
        """
        return self._command(
            "set_own_limit", customer=customer, kind=kind, period=period, limit_minor=limit_minor
        )

    def confirm_own_limit(self, customer: int, *, kind: OwnLimitKind, period: Period) -> Done:
        """Confirm a higher limit after its time."""
        return self._command("confirm_own_limit", customer=customer, kind=kind, period=period)

    def rule_referral(
        self,
        ticket: str,
        verdict: RulingVerdict,
        *,
        stake_minor: int | None = None,
        odds: Sequence[float] = (),
        note: str = "",
    ) -> Done:
        """Decide a bet that waits for a trader.

        Parameters
        ----------
        verdict
            ``"accept"``, ``"part"`` (with a smaller stake), ``"counter"`` (offers another stake or odds),
            ``"decline"``.
        stake_minor
            Of a part and a counter.
        odds
            Of a counter: of each leg, at most what the customer asked; none for those.
        """
        return self._command(
            "rule_referral",
            ticket=ticket,
            verdict=verdict,
            stake_minor=stake_minor,
            odds=[float(value) for value in odds] or None,
            note=note or None,
        )

    def set_scope(
        self,
        scope: Mapping[str, Any],
        *,
        margin: tuple[str, float] | None = None,
        loss_minor_max: int | None = None,
        bet_delay_ms: int | None = None,
        feed_silence_ms: int | None = None,
        referral_stake_minor: int | None = None,
    ) -> Done:
        """Override settings of a sport, market type, competition, fixture or market.

        Parameters
        ----------
        scope
            ``{"level": "fixture", "fixture": 1001}``; the levels stand in ``docs/wire.md``.
        margin
            Method and booksum: ``("shin", 1.045)``.
        """
        return self._command(
            "set_scope",
            scope=_arrays.mapping(scope, "scope"),
            margin=None if margin is None else dict(zip(_MARGIN, _arrays.margin_of(margin), strict=True)),
            loss_minor_max=loss_minor_max,
            bet_delay_ms=bet_delay_ms,
            feed_silence_ms=feed_silence_ms,
            referral_stake_minor=referral_stake_minor,
        )

    def close(self) -> None:
        """Disconnect."""
        super().close()
        if self._desk is not None:
            self._desk.close(0)


def desk_event(message: Json, arrived_ns: int) -> DeskEvent:
    match message["type"]:
        case "ticket":
            return Ticket.of(message["ticket"])
        case "settlement":
            return Settlement(Ticket.of(message["ticket"]), message["paid_minor_before"])
        case _:
            return Alert(
                message["alert"], message["message"], message["fixture"], Times.of(message, arrived_ns)
            )
