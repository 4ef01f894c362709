// Adds up the balances of a journal, in Node, from the published schema alone.
//
//   npm install protobufjs long
//   sqlite3 -readonly journal.db "SELECT hex(bytes) FROM journal_group ORDER BY first_seq" |
//     node balances.mjs crates/facts/proto
//
// Prints a line an account: kind, customer where it has one, currency, credits less debits in minor units.
import { createInterface } from "node:readline";
import protobuf from "protobufjs";

const schema = process.argv[2];
const root = new protobuf.Root();
root.resolvePath = (_, target) => `${schema}/${target}`;
await root.load("oddsengine/journal/v1/record.proto", { keepCase: true });
const Record = root.lookupType("oddsengine.journal.v1.Record");

/** The records of a commit group: each with its length in front, and in a frame with kind, version and length. */
function* recordsOf(group) {
  for (let at = 0; at < group.length; ) {
    const size = group.readUInt32LE(at);
    const [kind, version] = [group.readUInt16LE(at + 4), group.readUInt8(at + 6)];
    if (kind !== 1 || version !== 1) throw new Error(`record kind ${kind} version ${version} is of a newer release`);
    const message = Record.decode(group.subarray(at + 11, at + 4 + size));
    // 64-bit numbers as text: a JavaScript number holds 53 bits.
    yield Record.toObject(message, { enums: String, longs: String, oneofs: true, defaults: true });
    at += 4 + size;
  }
}

const balances = new Map();
function add({ kind, customer }, currency, amountMinor) {
  const account = [kind, ...(customer === undefined || customer === null ? [] : [customer]), currency].join(" ");
  balances.set(account, (balances.get(account) ?? 0n) + amountMinor);
}

for await (const line of createInterface({ input: process.stdin })) {
  for (const { facts } of recordsOf(Buffer.from(line, "hex"))) {
    for (const { fact, booked } of facts) {
      if (fact === undefined) throw new Error("a kind of fact of a newer release: what it says is not known");
      for (const { kind, debit, credit, currency, amount_minor } of booked?.bookings ?? []) {
        // What is reserved has not moved yet; what is voided never will.
        if (kind.kind === "moved" || kind.kind === "posted") {
          add(debit, currency, -BigInt(amount_minor));
          add(credit, currency, BigInt(amount_minor));
        }
      }
    }
  }
}
for (const [account, balanceMinor] of [...balances].sort()) console.log(account, String(balanceMinor));
