// How the deployment is: what stands still, what waits, and charts of the last while.

import { ask, draw, el, number, plural, problem, table, title, when } from "./parts.js";

const SPANS = [[3600, "the last hour"], [86400, "the last day"], [604800, "the last week"]];

const lag = (it) => !it ? "—" : it.lag_events === 0 ? (it.lag_exact ? "0" : "0…") : `${number(it.lag_events)}${it.lag_exact ? "" : "+"} (${it.lag_seconds.toFixed(1)} s)`;

export async function statusPage({ onLeave }) {
  const place = el("div", {});
  const charts = el("div", {});
  const span = el("select", { id: "span", change: () => drawCharts() }, SPANS.map(([seconds, text]) => el("option", { value: String(seconds) }, text)));
  const again = el("button", { type: "button", click: () => refresh() }, "Look again");

  async function refresh() {
    const { reading, parked } = await ask("/api/status");
    place.replaceChildren(...status(reading, parked));
  }
  async function drawCharts() {
    try {
      charts.replaceChildren(...figures(await ask("/api/charts", { seconds: Number(span.value) })));
    } catch (error) {
      charts.replaceChildren(problem(error));
    }
  }
  await Promise.all([refresh(), drawCharts()]);
  const ticks = setInterval(() => {
    if (!document.hidden) Promise.all([refresh(), drawCharts()]).catch(() => {});
  }, 10_000);
  onLeave(() => clearInterval(ticks));
  return {
    heading: "Status",
    nodes: [title("Status"), place, el("h2", {}, "Charts"), el("div.ask.narrow", {}, el("div", {}, el("label", { for: "span" }, "Over"), span), again), charts],
  };
}

function status(reading, parked) {
  const state = reading.ok ? el("span.tag.good", {}, "all is well") : el("span.tag.bad", {}, plural(reading.faults.length, "fault"));
  const tile = (label, value, more) => el("div.tile", {}, el("span.soft", {}, label), el("b", {}, value), more ? el("span.soft", {}, more) : null);
  const contexts = reading.contexts.map((it) => {
    const p = it.projection;
    const rows = !p ? "none" : p.stopped_at ? el("span.tag.bad", {}, `stopped at ${number(p.stopped_at)}`) : p.stale ? el("span.tag.warn", {}, "another version") : p.active ? el("span.tag.good", {}, "at work") : el("span.tag.warn", {}, "nobody");
    return [it.name, rows, p ? number(p.position) : "—", lag(p), lag(it.published), it.reactor ? [lag(it.reactor), ` · ${plural(it.reactor.timers, "timer")}`] : "—", it.services ?? "—", it.parked ? el("span.tag.bad", {}, number(it.parked)) : "0"];
  });
  const waits = (it) => !it.skipped_at && !it.applied;
  const list = parked.map((it) => [`${it.context} ${number(it.position)}`, it.event_type, it.error, when(it.parked_at),
    it.skipped_at ? `skipped by ${it.skipped_by}: ${it.reason}` : it.applied ? "applied since" : `waits; tried ${plural(it.attempts, "time")}`]);
  return [
    el("p", {}, state, el("span.soft", {}, " looked at ", when(reading.at))),
    reading.faults.map((it) => el("p.problem", {}, it)), reading.notes.map((it) => el("p.note", {}, it)),
    el("div.tiles", {},
      tile("Log", number(reading.log.position), reading.log.recorded_at ? when(reading.log.recorded_at) : "empty"),
      tile("Commands kept", `${reading.log.commands_estimated ? "≈ " : ""}${number(reading.log.commands)}`),
      tile("Relay", reading.relay_active ? "at work" : "nobody"),
      tile("Keys", number(reading.keys.live), reading.keys.reachable ? `${number(reading.keys.destroyed)} destroyed` : "no answer"),
      tile("Parked events", number(parked.filter(waits).length), "waiting"),
      tile("Versions", reading.versions.annals, `Postgres ${reading.versions.postgres.split(" ")[0]}${reading.versions.nats ? `, NATS ${reading.versions.nats}` : ""}`)),
    el("h2", {}, "Projections, relay, reactors"),
    table("Events behind, by context", ["Context", "Rows", "At", "Behind", "To publish", "To react to", "Services", "Parked"], contexts, { quiet: true }),
    el("h2", {}, "Parked events"),
    list.length ? table("Events that could not be applied", ["Event", "Kind", "Why", "Since", "Now"], list, { quiet: true }) : el("p.soft", {}, "No event is parked."),
  ].flat();
}

/* Charts: plain drawings, each with its figures as a table for whoever does not see it. */

const clock = (ms, step) => {
  const text = new Date(ms).toISOString();
  return step >= 3600 ? `${text.slice(5, 10)} ${text.slice(11, 13)}h` : text.slice(11, 16);
};

function frame(caption, names, at, series, kind, unit, step) {
  const [w, h, left, low] = [560, 170, 44, 18];
  const sums = at.map((_, nth) => series.reduce((sum, it) => sum + it[nth], 0));
  const top = Math.max(1, ...(kind === "bars" ? sums : series.flat()));
  const x = (nth) => left + (nth / Math.max(1, at.length)) * (w - left - 4);
  const y = (value) => 8 + (1 - value / top) * (h - low - 8);
  const marks = [];
  for (const part of [0, .5, 1]) {
    const value = top * part;
    marks.push(draw("line", { class: "axis", x1: left, x2: w, y1: y(value), y2: y(value) }),
      draw("text", { x: left - 6, y: y(value) + 3, "text-anchor": "end" }, value >= 10 || Number.isInteger(value) ? number(Math.round(value)) : value.toFixed(1)));
  }
  for (let nth = 0; nth < at.length; nth += Math.max(1, Math.ceil(at.length / 6))) marks.push(draw("text", { x: x(nth), y: h - 4 }, clock(at[nth], step)));
  const bar = Math.max(1, (w - left) / Math.max(1, at.length) - 1.5);
  const shapes = kind === "bars"
    ? at.flatMap((_, nth) => { let base = 0; return series.flatMap((it, which) => { const from = y(base); base += it[nth]; return it[nth] ? [draw("rect", { class: `f${which % 7 + 1}`, x: x(nth), y: y(base), width: bar, height: Math.max(.8, from - y(base)) })] : []; }); })
    : series.map((it, which) => draw("polyline", { class: `f${which % 7 + 1}`, points: it.map((value, nth) => `${x(nth).toFixed(1)},${y(value).toFixed(1)}`).join(" ") }));
  const all = series.map((it) => it.reduce((sum, value) => sum + value, 0));
  const words = names.map((name, nth) => `${name}: ${kind === "bars" ? number(all[nth]) : `up to ${number(Math.max(0, ...series[nth]))}`}`).join(", ");
  return el("figure.sheet", {},
    el("figcaption", {}, caption),
    draw("svg", { class: "chart", viewBox: `0 0 ${w} ${h}`, role: "img", "aria-label": `${caption}. ${words || "nothing"}` }, marks, shapes),
    el("ul.key", { "aria-hidden": "true" }, names.map((name, nth) => el("li", {}, draw("svg", { viewBox: "0 0 10 10" }, draw("rect", { class: `f${nth % 7 + 1}`, width: 10, height: 10, rx: 2 })), `${name} ${kind === "bars" ? number(all[nth]) : number(series[nth].at(-1) ?? 0)}`))),
    el("details", {}, el("summary", {}, "As a table"), table(caption, ["When (UTC)", ...names.map((it) => `${it}${unit}`)],
      at.map((ms, nth) => [clock(ms, step), ...series.map((it) => number(it[nth]))]).filter((_, nth) => kind !== "bars" || sums[nth]).slice(-120), { quiet: true })));
}

function figures({ step, edges, outcomes, behind }) {
  const at = edges.slice(0, -1).map(([time]) => Date.parse(time));
  const events = edges.slice(1).map(([, position], nth) => position - edges[nth][1]);
  const place = (time) => at.indexOf(Date.parse(time));
  const accepted = at.map(() => 0);
  const refused = at.map(() => 0);
  const codes = new Map();
  for (const it of outcomes) {
    const nth = place(it.at);
    if (nth < 0) continue;
    if (it.code === null) { accepted[nth] += it.commands; continue; }
    refused[nth] += it.commands;
    if (!codes.has(it.code)) codes.set(it.code, at.map(() => 0));
    codes.get(it.code)[nth] += it.commands;
  }
  const largest = [...codes].sort((a, b) => b[1].reduce((x, y) => x + y, 0) - a[1].reduce((x, y) => x + y, 0)).slice(0, 6);
  const names = [...new Set(behind.flatMap((it) => Object.keys(it.rows)))].sort();
  const moments = behind.map((it) => Date.parse(it.at));
  const lags = names.map((name) => behind.map((it) => it.rows[name] || 0));
  const relay = behind.map((it) => Object.values(it.published).reduce((sum, value) => sum + value, 0));
  return [el("div.figures", {},
    frame("Commands", ["accepted", "refused by a rule"], at, [accepted, refused], "bars", "", step),
    frame("Refusals, by code", largest.map(([code]) => code), at, largest.map(([, counts]) => counts), "bars", "", step),
    frame("Events recorded", ["events"], at, [events], "bars", "", step),
    frame("Events that rows and the stream are behind", [...names, "to publish"].slice(0, 7), moments, [...lags, relay].slice(0, 7), "lines", "", 60))];
}
