// Keeps the boards of all fixtures whole, through lost frames and restarts of the engine; written from docs/wire.md.
// node client.mjs [odds endpoint] [snapshot endpoint]; each line on standard input prints the boards as one line of JSON.
import { createInterface } from "node:readline";
import { Dealer, Subscriber } from "zeromq";

const [oddsEndpoint = "tcp://127.0.0.1:5552", snapshotEndpoint = "tcp://127.0.0.1:5553"] = process.argv.slice(2);
const ANSWER_MS = 1000, SILENCE_MS = 3500, WAITING_MAX = 256; // ask again after, stale after, deltas kept per fixture
const odds = new Subscriber({ receiveHighWaterMark: 100000 }), snapshot = new Dealer();
let epoch = 0, heardMs = 0, heartbeatSeq = 0, fixtures = new Map(), page = null, sending = Promise.resolve();

const ask = (body) => { sending = sending.then(() => snapshot.send(JSON.stringify(body))).catch(console.error); };
const askPage = (after) => {
  page = { after, askedMs: Date.now() };
  ask({ type: "images", request_id: `page-${after}`, prefix: "odds.", after });
};
const entry = (id) => {
  if (!fixtures.has(id)) fixtures.set(id, { board: null, statusSeq: -1, status: "suspended", stops: [], waiting: [], askedMs: 0 });
  return fixtures.get(id);
};
const askImage = (id, of) => {
  if (of.askedMs) return; // on its way
  of.askedMs = Date.now();
  ask({ type: "image", request_id: `image-${id}`, fixture: id });
};
// The one rule of order: the larger number of the status lane is right.
const standing = (of, seq, frame) => {
  if (seq >= of.statusSeq) Object.assign(of, { statusSeq: seq, status: frame.status, stops: frame.stops ?? of.stops });
};

function onImage(image) {
  const of = entry(image.fixture);
  standing(of, image.status_seq, image);
  if (!of.board || image.seq >= of.board.seq) of.board = { seq: image.seq, version: image.version, markets: image.markets };
  of.askedMs = 0;
  of.waiting.splice(0).forEach(onDelta);
}

function onDelta(delta) {
  const of = entry(delta.fixture);
  if (of.board && delta.seq <= of.board.seq) return; // the image has it
  if (!of.board || of.askedMs || delta.seq !== of.board.seq + 1) {
    if (of.waiting.push(delta) > WAITING_MAX) of.waiting.shift();
    return askImage(delta.fixture, of);
  }
  for (const [key, market] of Object.entries(delta.markets)) of.board.markets[key] = { ...of.board.markets[key], ...market };
  Object.assign(of.board, { seq: delta.seq, version: delta.version });
  const isBehind = delta.status_seq > of.statusSeq; // a status frame was lost: its standing is here, its stops are in an image
  standing(of, delta.status_seq, delta);
  if (isBehind) askImage(delta.fixture, of);
}

function onHeartbeat({ seq, tails }) {
  if (heartbeatSeq && seq > heartbeatSeq + 1 && !page) askPage(0); // its tails were lost with it
  [heardMs, heartbeatSeq] = [Date.now(), seq];
  for (const { fixture, odds_seq, status_seq } of tails) {
    const of = entry(fixture);
    if ((of.board?.seq ?? -1) < odds_seq || of.statusSeq < status_seq) askImage(fixture, of);
  }
}

function take(frame) {
  if (frame.epoch < epoch) return;
  if (frame.epoch > epoch) { [epoch, heartbeatSeq, fixtures] = [frame.epoch, 0, new Map()]; askPage(0); }
  if (frame.type === "heartbeat") onHeartbeat(frame);
  else if (frame.type === "status") standing(entry(frame.fixture), frame.seq, frame);
  else if (frame.type === "board") (frame.kind === "image" ? onImage : onDelta)(frame);
  else if (frame.type === "images_end") frame.next === null ? (page = null) : askPage(frame.next);
}

setInterval(() => { // what was asked and not answered is asked again
  const late = Date.now() - ANSWER_MS;
  if (page && page.askedMs < late) askPage(page.after);
  for (const [id, of] of fixtures) if (of.askedMs && of.askedMs < late) { of.askedMs = 0; askImage(id, of); }
}, 200);
createInterface({ input: process.stdin }).on("line", () => {
  console.log(JSON.stringify({ epoch, isStale: Date.now() - heardMs > SILENCE_MS, fixtures: Object.fromEntries(fixtures) }));
}).on("close", () => process.exit());
odds.connect(oddsEndpoint), snapshot.connect(snapshotEndpoint), odds.subscribe("odds.", "status.", "hb");
const read = async (socket) => { for await (const parts of socket) take(JSON.parse(parts.at(-1))); };
await Promise.all([read(odds), read(snapshot)]);
