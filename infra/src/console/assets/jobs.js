// Verifying the log and replaying it, watched while it runs.

import { ask, el, number, plural, problem, say, table, title } from "./parts.js";

const span = (seconds) => seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;

/** A work's progress, and its result once it is there. */
function watcher(name, result) {
  const bar = el("progress", { max: 1, value: 0, "aria-label": name });
  const told = el("p", {});
  const stop = el("button", { type: "button" }, "Stop");
  const row = el("div.bar-row", { hidden: true }, bar, stop);
  const end = el("div", {});
  const node = el("section", { "aria-label": `${name}, progress and result` }, row, told, end);
  let source = null;
  let spoken = 0;

  function show(now) {
    row.hidden = now.state !== "running";
    if (now.state === "running") {
      const it = now.progress;
      if (!it) { bar.removeAttribute("value"); told.textContent = "Beginning…"; return; }
      bar.max = Math.max(1, it.head);
      bar.value = it.position;
      const left = it.seconds_left === null ? "" : `, ${span(it.seconds_left)} left`;
      told.textContent = `${number(it.position)} of ${number(it.head)} positions · ${number(it.events)} events, ${number(it.events_per_second)} a second${left}`;
      // Every few seconds is as much as anybody wants to hear.
      if (Date.now() - spoken > 4000) { spoken = Date.now(); say(`${name}: ${Math.round((100 * it.position) / Math.max(1, it.head))} per cent${left}`); }
      return;
    }
    told.textContent = "";
    const made = now.state === "done" ? result(now.result) : now.state === "stopped" ? [el("p.note", {}, "Stopped before it was done.")] : [problem({ message: now.detail })];
    end.replaceChildren(...made);
    say(`${name}: ${end.querySelector("p")?.textContent || "done"}`);
  }

  function follow(job, onEnd = () => {}) {
    source?.close();
    end.replaceChildren();
    show(job.now);
    stop.onclick = () => ask(`/api/jobs/${job.id}/stop`, {}).catch(() => {});
    if (job.now.state !== "running") return onEnd();
    source = new EventSource(`/api/jobs/${job.id}/events`);
    source.addEventListener("progress", (event) => show(JSON.parse(event.data)));
    source.addEventListener("end", (event) => { source.close(); show(JSON.parse(event.data)); onEnd(); });
  }
  return { node, follow, close: () => source?.close(), fail: (error) => { row.hidden = true; end.replaceChildren(problem(error)); } };
}

/** A page with a form that begins a work, and the work. */
async function workPage(kind, heading, about, controls, read, result, onLeave) {
  const watch = watcher(heading, result);
  onLeave(watch.close);
  const button = el("button.main", {}, heading);
  const form = el("form.sheet", {
    submit: async (event) => {
      event.preventDefault();
      button.disabled = true;
      try {
        watch.follow(await ask(`/api/${kind}`, read()), () => (button.disabled = false));
      } catch (error) {
        watch.fail(error);
        button.disabled = false;
      }
    },
  }, controls, el("p", {}, button));
  const known = (await ask("/api/jobs"))[kind];
  if (known) {
    button.disabled = known.now.state === "running";
    watch.follow(known, () => (button.disabled = false));
  }
  return { heading, nodes: [title(heading), el("p.soft", {}, about), form, watch.node] };
}

export function verifyPage({ onLeave }) {
  const whole = el("input", { type: "checkbox", id: "whole" });
  const place = (it) => it.to === 0 ? "a checkpoint from elsewhere" : it.from === it.to ? `position ${number(it.from)}` : `positions ${number(it.from)} to ${number(it.to)}`;
  const result = (it) => {
    const rate = it.seconds > 0 ? Math.round(it.events / it.seconds) : 0;
    const read = el("p.soft", {}, `${plural(it.events, "event")} read from position ${number(it.from)} on, in ${span(it.seconds)}, ${number(rate)} a second; compared with ${plural(it.checkpoints, "signed checkpoint")}.`);
    if (!it.altered) {
      const after = it.size - it.signed;
      return [el("p", {}, el("span.tag.good", {}, "nothing was altered"), ` The log is what was signed, up to position ${number(it.signed)}.${after > 0 ? ` ${plural(after, "event")} after that will be signed with the next checkpoint.` : ""}`), read, el("p.soft", {}, "Root ", el("span.id", {}, it.root))];
    }
    return [el("p", {}, el("span.tag.bad", {}, plural(it.findings.length, "finding")), " The log is NOT what was signed. Keep this database as it is, and compare it with a backup."), read,
      table("What was found", ["Where", "What"], it.findings.slice(0, 200).map((it) => [place(it), it.words]), { quiet: true })];
  };
  return workPage("verify", "Verify the log", "Reads every event again and compares it with each signed checkpoint: what was altered, taken out, put in, moved or cut off is found, and where.",
    el("label.check", { for: "whole" }, whole, "Also what was verified here before"), () => ({ whole: whole.checked }), result, onLeave);
}

export async function replayPage({ me, onLeave }) {
  const context = el("select", { id: "of" }, me.contexts.filter((it) => it.kinds.length && it.name !== "shared").map((it) => el("option", { value: it.name }, it.name)));
  const until = el("input", { id: "upto", autocomplete: "off", placeholder: "everything", "aria-describedby": "upto-hint" });
  const result = (it) => {
    const done = `${plural(it.events, "event")} of ${it.context} replayed in ${span(it.seconds)}.`;
    if (!it.different.length) return [el("p", {}, el("span.tag.good", {}, "0 differences"), ` ${done} ${plural(it.tables, "table")} compared at position ${number(it.position)}.`)];
    const rows = it.different.flatMap((table) => table.first.map((row) => [`${it.context}.${table.table}`, el("span.id", {}, row.key.join(" ")),
      row.how === "changed" ? `differs in ${row.columns.join(", ")}` : row.how === "missing" ? "is missing" : "was made by no event",
      row.events.map((event) => `${number(event.position)} ${event.type}`).join(", ") || "—"]));
    return [el("p", {}, el("span.tag.bad", {}, `${plural(it.different.length, "table")} not as the log has it`), ` ${done} Position ${number(it.position)}.`),
      table("The first rows that differ", ["Table", "Row", "How", "Events"], rows, { quiet: true })];
  };
  return workPage("replay", "Replay", "Replays a context's events into a schema of its own and compares the rows with those in use, or those in use then. Nothing in use is changed, and the schema is taken away afterwards.",
    el("div.fields", {}, el("div", {}, el("label", { for: "of" }, "Context"), context), el("div", {}, el("label", { for: "upto" }, "Up to ", el("span.soft", { id: "upto-hint" }, "(position or UTC time)")), until)),
    () => ({ context: context.value, until: until.value.trim() || null }), result, onLeave);
}
