// Adds up the balances of a journal, in Node, from the published schema alone.
//
//   npm ci
//   node balances.mjs ../../crates/facts/proto journal.db
//
// The journal is read by the `sqlite3` program, beside a running engine as well. Without it, `-` in place of the journal takes
// lines `first_seq|hex(bytes)` from standard input.
//
// Prints a JSON list, an account an item: amounts in minor units, as text.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import protobuf from "protobufjs";

const GROUPS = "SELECT first_seq, hex(bytes) FROM journal_group ORDER BY first_seq";
const HAS_QUARANTINE = "SELECT name FROM sqlite_schema WHERE name = 'quarantine'";
const QUARANTINED = `SELECT seq FROM quarantine AS entry WHERE action = 'quarantine'
  AND id = (SELECT max(id) FROM quarantine WHERE seq = entry.seq) ORDER BY seq`;

// Before each record its size, and around its message the frame: kind u16, version u8, length u32.
const PREFIX_SIZE = 4;
const FRAME_SIZE = 7;

/** What this program does not know or cannot do: a sentence, and nothing is printed. */
class Stop extends Error {}

async function schema(folder) {
  const root = new protobuf.Root();
  root.resolvePath = (_, target) => `${folder}/${target}`;
  await root.load("oddsengine/journal/v1/record.proto", { keepCase: true });
  return root.lookupType("oddsengine.journal.v1.Record");
}

/** The rows of a query, as lists of texts. */
async function* rows(journal, query) {
  if (journal === "-") {
    if (query === GROUPS) for await (const line of createInterface({ input: process.stdin })) yield line.split("|");
    return;
  }
  const reader = spawn("sqlite3", ["-readonly", "-separator", "|", journal, query], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => {
    reader.on("error", (error) => resolve(`sqlite3 does not start: ${error.message}`));
    reader.on("close", (code) => resolve(code === 0 ? "" : `sqlite3 ended with ${code}`));
  });
  for await (const line of createInterface({ input: reader.stdout })) yield line.split("|");
  const fault = await ended;
  if (fault) throw new Stop(`the journal cannot be read: ${fault}`);
}

/** The records of a commit group: each with its length in front, and in a frame with kind, version and length. */
function* recordsOf(Record, group, firstSeq) {
  for (let at = 0, seq = firstSeq; at < group.length; seq += 1) {
    const left = group.length - at - PREFIX_SIZE;
    const size = left < 0 ? 0 : group.readUInt32LE(at);
    if (left < size || size < FRAME_SIZE) throw new Stop(cut(seq, `it has ${Math.max(left, 0)} bytes`));
    const [kind, version] = [group.readUInt16LE(at + 4), group.readUInt8(at + 6)];
    if (kind !== 1 || version !== 1) {
      throw new Stop(`record ${seq} is of kind ${kind} version ${version}, of a newer release than this program`);
    }
    const message = decoded(Record, seq, group.subarray(at + PREFIX_SIZE + FRAME_SIZE, at + PREFIX_SIZE + size));
    // 64-bit numbers as text: a JavaScript number holds 53 bits.
    yield [seq, Record.toObject(message, { enums: String, longs: String, bytes: String, oneofs: true, defaults: true })];
    at += PREFIX_SIZE + size;
  }
}

function decoded(Record, seq, bytes) {
  try {
    return Record.decode(bytes);
  } catch (error) {
    throw new Stop(cut(seq, error.message));
  }
}

/** Groups are written whole: what ends in the middle was cut or changed afterwards. */
function cut(seq, why) {
  return `record ${seq} is not whole: ${why}; the journal was cut or damaged, see oddsengine verify`;
}

/** Balances by account, from bookings in order. */
class Balances {
  #accounts = new Map();
  #reserved = new Map();

  account({ kind, customer }, currency) {
    if (typeof kind !== "string") throw new Stop(`account kind ${kind} is of a newer release than this program`);
    const key = [kind, customer ?? "", currency].join(" ");
    if (!this.#accounts.has(key)) {
      const [account, owner] = [kind.replace("ACCOUNT_KIND_", ""), customer ?? null];
      this.#accounts.set(key, { account, customer: owner, currency, balance_minor: 0n, reserved_minor: 0n });
    }
    return this.#accounts.get(key);
  }

  book({ id, kind, debit, credit, currency, amount_minor }) {
    const [from, to, amountMinor] = [this.account(debit, currency), this.account(credit, currency), BigInt(amount_minor)];
    const moves = () => {
      from.balance_minor -= amountMinor;
      to.balance_minor += amountMinor;
    };
    switch (kind.kind) {
      case "moved":
        return moves();
      case "reserved":
        this.#reserved.set(JSON.stringify(id), { from, amountMinor });
        from.reserved_minor += amountMinor;
        return;
      case "posted":
        this.#release(kind.posted);
        return moves();
      case "voided":
        return this.#release(kind.voided);
      default:
        throw new Stop("a kind of booking is of a newer release than this program: what it moves is not known");
    }
  }

  #release(pending) {
    const key = JSON.stringify(pending);
    const found = this.#reserved.get(key);
    if (!found) throw new Stop(`nothing is reserved under ${key}: records are missing`);
    this.#reserved.delete(key);
    found.from.reserved_minor -= found.amountMinor;
  }

  list() {
    const sorted = [...this.#accounts].sort(([left], [right]) => (left < right ? -1 : 1));
    const text = (_, value) => (typeof value === "bigint" ? String(value) : value);
    return JSON.stringify(sorted.map(([, account]) => account), text, 1);
  }
}

async function main([folder, journal]) {
  if (!folder || !journal) throw new Stop("give the folder of the schema and the journal");
  const Record = await schema(folder);
  for await (const _ of rows(journal, HAS_QUARANTINE)) {
    for await (const [seq] of rows(journal, QUARANTINED)) {
      throw new Stop(`record ${seq} was taken out of this journal: what followed from it only an engine knows`);
    }
  }
  const balances = new Balances();
  let nextSeq = 1;
  for await (const [firstSeq, hex] of rows(journal, GROUPS)) {
    if (Number(firstSeq) !== nextSeq) {
      const sealed = nextSeq === 1 ? ", and earlier ones may be sealed into segments, which this program does not read" : "";
      throw new Stop(`record ${nextSeq} is missing: the next one is ${firstSeq}${sealed}`);
    }
    if (hex === undefined || hex.length % 2 !== 0) throw new Stop(cut(nextSeq, "its line ends early"));
    for (const [seq, { facts }] of recordsOf(Record, Buffer.from(hex, "hex"), nextSeq)) {
      for (const { fact, booked } of facts) {
        // Its member of the `oneof` is not in the schema: it may have moved money.
        if (!fact) throw new Stop(`record ${seq} has a fact of a newer release than this program's schema`);
        for (const booking of booked?.bookings ?? []) balances.book(booking);
      }
      nextSeq = seq + 1;
    }
  }
  console.log(balances.list());
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Stop)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
