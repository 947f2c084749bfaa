// Sends one command over NATS and prints the answer.
//
//     npm install @nats-io/transport-node
//     node deploy/examples/send.mjs SUBJECT ID DATA
//
// SUBJECT is <context>.cmd.<command>, ID the aggregate's id (or - to have one made), DATA the command's
// own fields as JSON. NATS_URL says where, TOKEN who asks. An answer that never came is asked for again
// under the same command id: the command takes effect once, however often it is sent.

import { randomUUID } from "node:crypto";
import { connect, headers } from "@nats-io/transport-node";

const RETRY = new Set([429, 500, 503, 504]);
const [subject, target, data] = process.argv.slice(2);
if (data === undefined) {
  console.error("usage: node send.mjs SUBJECT ID DATA");
  process.exit(2);
}

const address = new URL(
  process.env.ANNALS_DEV_CLIENT_NATS_URL ?? process.env.NATS_URL ?? "nats://127.0.0.1:4222",
);
const connection = await connect({
  servers: address.host,
  user: address.username || undefined,
  pass: address.password || undefined,
});
const body = JSON.stringify({ ...(target === "-" ? {} : { id: target }), data: JSON.parse(data) });
const head = headers();
head.set("Nats-Msg-Id", randomUUID());
head.set("Authorization", `Bearer ${process.env.TOKEN}`);

let answer;
for (let attempt = 0; attempt < 5 && answer === undefined; attempt++) {
  try {
    const reply = await connection.request(subject, body, { headers: head, timeout: 5000 });
    const read = reply.json();
    if (!RETRY.has(read.status)) answer = read;
  } catch (error) {
    console.error(`${error.message}; asking again`);
  }
  if (answer === undefined) await new Promise((done) => setTimeout(done, 200 * 2 ** attempt));
}
await connection.close();
if (answer === undefined) {
  console.error("no answer; the same command id can be sent again");
  process.exit(5);
}
console.log(JSON.stringify(answer, null, 2));
process.exit(answer.ok ? 0 : 3);
