// The story of one aggregate: its events on a line, and beside it the record as it was.

import { actor, ask, el, number, plain, plural, problem, say, searchFor, shown, storyOf, title, typed, when, words } from "./parts.js";
import { linkTo, record } from "./row.js";

function change(it) {
  if (it.hidden) return el("span.tag", {}, it.hidden);
  // Times within one second are told apart.
  if (it.old && plain(it.old) === plain(it.new)) return [el("del", {}, String(it.old)), " → ", el("ins", {}, String(it.new))];
  const now = el("ins", {}, shown(it.new, false));
  return it.old === undefined || it.old === null ? now : [el("del", {}, el("span.unseen", {}, "was "), plain(it.old)), el("span", { "aria-hidden": "true" }, " → "), el("span.unseen", {}, ", now "), now];
}

function rowOfEvent(it, alone, beside) {
  const did = it.did === "written" ? "wrote" : it.did;
  const nothing = (value) => value === null || value === undefined;
  const seen = it.changes.filter((it) => it.hidden || !nothing(it.new) || !nothing(it.old));
  const list = seen.length ? el("dl.changes", {}, seen.map((it) => [el("dt", {}, it.column), el("dd", {}, change(it))])) : null;
  const kept = it.withheld.length ? el("p.of.soft", {}, `withheld: ${it.withheld.join(", ")}`) : null;
  if (alone && it.did !== "removed") return [list, kept];
  const link = linkTo(it);
  // What an event made besides the record itself is told on request.
  if (beside || seen.length > 4 || it.did === "written") return el("details.of", {}, el("summary", {}, `${did} ${it.table} (${plural(seen.length || it.withheld.length, "column")})`), el("p.of", {}, link), list, kept);
  return [el("p.of.soft", {}, `${did} `, link), list, kept];
}

function why(it) {
  const parts = [el("span", {}, "position ", number(it.position))];
  if (it.correlation_id) parts.push(el("a", { href: searchFor({ correlation: it.correlation_id }), "aria-label": `All that belongs together with this event, position ${it.position}` }, "what belongs together"));
  if (it.cause?.withheld) parts.push(el("span", {}, "because of an event that you may not see"));
  else if (it.cause) parts.push(el("span", {}, "because of ", el("a", { href: storyOf(it.cause.kind, it.cause.id) }, words(it.cause.type)), ` (${typed(it.cause.kind)}, position ${number(it.cause.position)})`));
  return el("p.why", {}, parts);
}

function happening(it, people, main, onShow) {
  const is = (row) => row.table === main?.table && row.key.join() === main.key.join();
  return el("li", { "data-position": String(it.position) },
    el("div.head", {}, el("h3", {}, words(it.type)), when(it.recorded_at), el("span.num", {}, `#${it.number}`),
      onShow ? el("button.plain", { type: "button", "aria-label": `Show the record after event ${it.number}, ${words(it.type)}`, click: onShow }, "show") : null),
    el("p.by", {}, "by ", el("b", {}, actor(it, people)), it.command ? [" through ", el("code", {}, it.command)] : null, it.occurred_at ? [" · happened ", when(it.occurred_at)] : null),
    it.reason ? el("p", {}, "because: ", it.reason) : null,
    it.trouble.map((text) => el("p.problem", {}, text)),
    [...it.rows].sort((a, b) => is(b) - is(a)).map((row) => rowOfEvent(row, is(row), it.rows.some(is))), why(it));
}

export async function storyPage({ parts }) {
  const [kind, ...rest] = parts;
  const id = rest.join("/");
  const told = await ask("/api/story", { kind, id });

  const rows = [];
  for (const row of told.events.flatMap((it) => it.rows)) {
    const known = rows.find((it) => it.table === row.table && it.key.join() === row.key.join());
    if (known) known.events += 1;
    else rows.push({ ...row, events: 1 });
  }
  // The row that bears the aggregate's own id is what it is about; of several the one most is said of.
  const own = (it) => (it.key.length === 1 && it.key[0] === id ? 1e6 : 0) + it.events;
  rows.sort((a, b) => own(b) - own(a));
  const main = rows[0];

  const line = el("ol.line", { "aria-label": "Events, the oldest first" });
  const holder = el("div.panel", {});
  let panel = null;
  const mark = (position) => {
    let last = null;
    for (const it of line.children) {
      it.removeAttribute("aria-current");
      if (Number(it.dataset.position) <= position) last = it;
    }
    last?.setAttribute("aria-current", "step");
  };
  const open = async (row) => {
    try {
      panel = await record(row.table, row.key, mark, false);
      const choose = rows.length > 1 ? el("div", {}, el("label", { for: "which" }, "Row"), el("select", { id: "which", change: (event) => open(rows[Number(event.target.value)]) },
        rows.map((it, nth) => el("option", { value: String(nth), selected: it === row }, `${it.table} ${it.key.join(" ").slice(0, 36)}`)))) : null;
      const focused = document.activeElement?.id === "which";
      holder.replaceChildren(choose || "", panel.node);
      if (focused) holder.querySelector("#which")?.focus();
    } catch (error) {
      holder.replaceChildren(problem(error));
    }
  };
  const items = (events, people) => events.map((it) => happening(it, people, main, main ? () => { panel?.go(it.position); mark(it.position); say(`The record after ${words(it.type)}`); } : null));
  line.append(...items(told.events, told.people));

  const before = el("div", {});
  const onward = (earlier) => {
    if (!earlier) return before.replaceChildren();
    const button = el("button", { type: "button" }, `Show earlier events (before #${earlier})`);
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        const more = await ask("/api/story", { kind, id, before: earlier });
        const fresh = items(more.events, more.people);
        line.prepend(...fresh);
        say(`${plural(more.events.length, "event")} more`);
        onward(more.earlier);
        (before.querySelector("button") || fresh[0]?.querySelector("a, button"))?.focus();
      } catch (error) {
        before.replaceChildren(problem(error));
      }
    });
    before.replaceChildren(button);
  };
  onward(told.earlier);
  if (main) await open(main);

  return {
    heading: typed(kind),
    nodes: [title(typed(kind)),
      el("p.soft", {}, el("span.id", {}, id), ` · ${plural(told.last, "event")}`, told.tenant ? [" · tenant ", el("a.id", { href: searchFor({ tenant: told.tenant }) }, told.tenant)] : null),
      el("div.story", {}, el("section", { "aria-label": "Timeline" }, before, line), holder)],
    said: `${typed(kind)}, ${plural(told.events.length, "event")}`,
  };
}
