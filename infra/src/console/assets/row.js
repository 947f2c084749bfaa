// One row: as it was at any moment, and the events behind it.

import { actor, ask, el, number, plain, plural, problem, rowOf, say, shown, storyOf, table, title, typed, when, words } from "./parts.js";

/**
 * A record with its slider: each step is a version of the row, drawn with what changed marked.
 * `onMove` is told the position that is shown; the panel has `go(position)`.
 */
export async function record(name, key, onMove = () => {}, whole = true) {
  const lineage = await ask("/api/row", { table: name, key });
  const versions = lineage.versions;
  const cache = new Map();
  const id = `slide-${Math.random().toString(36).slice(2)}`;
  const range = el("input", { type: "range", id, min: "1", max: String(versions.length), step: "1", value: String(versions.length) });
  const told = el("output", { for: id, "aria-live": "off" });
  const body = el("tbody");
  const caption = el("caption", {});
  const earlier = el("button", { type: "button", "aria-label": "Earlier version" }, "‹");
  const later = el("button", { type: "button", "aria-label": "Later version" }, "›");
  const since = lastChanges(versions);
  let turn = 0;

  const describe = (nth) => {
    const it = versions[nth];
    const who = lineage.people[it.actor] || { system: "a service", operator: "the operator" }[it.actor_kind] || "a person";
    return `Version ${nth + 1} of ${versions.length}: ${words(it.type)}, ${plain(it.recorded_at)}, by ${who}`;
  };

  async function redraw(nth, announce = false) {
    const mine = ++turn;
    const it = versions[nth];
    range.value = String(nth + 1);
    range.setAttribute("aria-valuetext", describe(nth));
    earlier.disabled = nth === 0;
    later.disabled = nth === versions.length - 1;
    told.replaceChildren(el("b", {}, words(it.type)), " by ", actor(it, lineage.people), " ", el("br"), el("span.soft", {}, `version ${nth + 1} of ${versions.length} · position ${number(it.position)} · `, when(it.recorded_at)));
    onMove(it.position);
    if (!cache.has(nth)) cache.set(nth, ask("/api/row/as-of", { table: name, key, position: it.position }));
    let then;
    try {
      then = await cache.get(nth);
    } catch (error) {
      cache.delete(nth);
      if (mine === turn) body.replaceChildren(el("tr", {}, el("td", { colspan: "3" }, problem(error))));
      return;
    }
    if (mine !== turn) return;
    const changed = new Set(it.columns);
    const first = it.did === "made";
    caption.textContent = it.did === "removed" ? "Removed here; the row as it was until then." : first ? "Made here." : `${plural(changed.size, "column")} changed here.`;
    const values = it.did === "removed" ? then.before : then.row;
    body.replaceChildren(...lineage.columns.map((column) => {
      const marked = changed.has(column.name);
      const by = since.get(column.name)?.filter((at) => at <= nth).at(-1);
      const old = then.before?.[column.name];
      const cell = [
        marked && !first ? el("span.unseen", {}, "changed: ") : null, shown(values?.[column.name], whole),
        marked && !first && it.did !== "removed" ? el("span.was", {}, "was ", el("del", {}, plain(old))) : null,
      ];
      return el(marked && !first ? "tr.changed" : "tr", {},
        el("th", { scope: "row", title: column.about || "" }, column.name),
        lineage.open ? el("td", {}, it.open ? cell : el("span.empty", {}, "withheld")) : null,
        el("td.soft", { "data-of": "since" }, by === undefined ? "default" : el("a", { href: "#", title: describe(by), "aria-label": `${column.name}: last changed by ${words(versions[by].type)}, show that version`, click: (event) => { event.preventDefault(); redraw(by, true); } }, words(versions[by].type))));
    }));
    if (announce) say(describe(nth));
  }

  const moment = el("input", { type: "datetime-local", step: "1", id: `${id}-at` });
  moment.addEventListener("change", () => {
    if (!moment.value) return;
    const wanted = Date.parse(`${moment.value}Z`) + 999;
    const nth = versions.findLastIndex((it) => Date.parse(it.recorded_at) <= wanted);
    if (nth >= 0) return redraw(nth, true);
    body.replaceChildren();
    caption.textContent = "There was no such record yet, or none that you may see.";
    say(caption.textContent);
  });
  range.addEventListener("input", () => redraw(Number(range.value) - 1));
  earlier.addEventListener("click", () => redraw(Math.max(0, Number(range.value) - 2), true));
  later.addEventListener("click", () => redraw(Math.min(versions.length - 1, Number(range.value)), true));

  const node = el("section.sheet", { "aria-label": `${name} as it was` },
    el("h2", {}, "As it was ", el("span.soft", {}, name)),
    el("div.slide", {}, el("label", { for: id }, "Version in time"), el("div.row", {}, earlier, range, later), told,
      el("div.at", {}, el("label", { for: `${id}-at` }, "or as it was at (UTC)"), moment)),
    lineage.left_out ? el("p.note", {}, `${plural(lineage.left_out, "earlier version")} left out.`) : null,
    lineage.open ? null : el("p.note", {}, "You see which columns each event changed. What they hold is for those who may read the record."),
    el("div.wide", {}, el("table.record.stack", {}, caption, el("thead", {}, el("tr", {}, ["Column", lineage.open ? "Held then" : null, "Since"].filter(Boolean).map((it) => el("th", { scope: "col" }, it)))), body)));

  await redraw(versions.length - 1);
  const go = (position) => {
    const nth = versions.findLastIndex((it) => it.position <= position);
    if (nth >= 0 && nth !== Number(range.value) - 1) redraw(nth);
  };
  return { node, lineage, go, show: (position) => { const nth = versions.findIndex((it) => it.position === position); if (nth >= 0) redraw(nth, true); range.focus(); } };
}

/** Which versions changed each column, since the row was last made. */
function lastChanges(versions) {
  const made = versions.findLastIndex((it) => it.did === "made");
  const since = new Map();
  versions.forEach((it, nth) => {
    if (nth < made) return;
    for (const column of it.columns) since.set(column, [...(since.get(column) || []), nth]);
  });
  return since;
}

/** The events behind a row. */
export async function rowPage({ parts }) {
  const [name, ...key] = parts;
  const panel = await record(name, key);
  const { lineage } = panel;
  const rows = lineage.versions.map((it) => [
    el("button.plain", { type: "button", "aria-label": `Show the row after ${words(it.type)}, position ${it.position}`, click: () => panel.show(it.position) }, words(it.type)),
    it.did, [...it.columns, ...it.withheld.map((column) => `${column} (withheld)`)].join(", ") || "—",
    actor(it, lineage.people), el("a", { href: storyOf(it.kind, it.id) }, typed(it.kind)), when(it.recorded_at), number(it.position),
  ]);
  const heading = name;
  return {
    heading,
    nodes: [title(name), el("p.soft", {}, "Row ", el("span.id", {}, key.join(" · ")), ` · made by ${plural(lineage.versions.length, "event")}`), panel.node,
      el("h2", {}, "Events behind this row"), table("Events behind this row, the oldest first", ["Event", "Did", "Columns", "By", "Story", "When", "Position"], rows, { quiet: true })],
  };
}

export const linkTo = (it) => el("a", { href: rowOf(it.table, it.key), title: it.key.join(" ") }, it.table);
