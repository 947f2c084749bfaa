// Looking for what happened, and to what.

import { actor, ask, el, number, plural, problem, rowOf, say, searchFor, short, storyOf, table, title, typed, when, words } from "./parts.js";

const FIELDS = ["text", "context", "kind", "type", "person", "tenant", "correlation", "since", "until"];

/** `lift/alert/<id>` names a story. */
function address(text) {
  const parts = text.trim().replace(/^\/|\/$/g, "").split("/");
  return parts.length === 3 && parts.every(Boolean) ? storyOf(`${parts[0]}.${parts[1]}`, parts[2]) : null;
}

export async function searchPage({ fields, me }) {
  const asked = Object.fromEntries(FIELDS.map((it) => [it, (fields[it] || "").trim()]));
  const narrow = FIELDS.slice(1).some((it) => asked[it]);
  const contexts = me.contexts.filter((it) => it.kinds.length);
  const kinds = contexts.filter((it) => !asked.context || it.name === asked.context).flatMap((it) => it.kinds);
  const types = [...new Set(kinds.flatMap((it) => it.events))].sort();

  const field = (name, label, control, hint) => el("div", {}, el("label", { for: name }, label), control, hint ? el("span.soft", {}, hint) : null);
  const input = (name, more = {}) => el("input", { id: name, name, value: asked[name], autocomplete: "off", ...more });
  const choice = (name, none, options) => el("select", { id: name, name }, el("option", { value: "" }, none),
    options.map(([value, text]) => el("option", { value, selected: value === asked[name] }, text)));

  const form = el("form", {
    role: "search",
    submit: (event) => {
      event.preventDefault();
      const given = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
      const story = given.text && address(given.text);
      const to = story || searchFor(given);
      if (location.hash === to) dispatchEvent(new HashChangeEvent("hashchange"));
      else location.hash = to;
    },
  },
  el("div.ask", {}, el("div", {}, el("label", { for: "text" }, "Look for"), input("text", { type: "search", placeholder: "a name, an id, a position, an event, lift/alert/<id>" })), el("button.main", {}, "Search")),
  el("details", { open: narrow }, el("summary", {}, "Narrow it down"),
    el("div.fields", {},
      field("context", "Context", choice("context", "All", contexts.map((it) => [it.name, it.name]))),
      field("kind", "Kind of record", choice("kind", "All", kinds.map((it) => [it.name, typed(it.name)]))),
      field("type", "Event", choice("type", "All", types.map((it) => [it, words(it)]))),
      field("person", "Done by (id)", input("person")),
      field("tenant", "Tenant (id)", input("tenant")),
      field("correlation", "Correlation (id)", input("correlation")),
      field("since", "Since (UTC)", input("since", { type: "datetime-local", step: "1" })),
      field("until", "Until (UTC)", input("until", { type: "datetime-local", step: "1" })),
    )));

  const heading = FIELDS.some((it) => asked[it]) ? "Search" : "What happened last";
  const nodes = [title(heading), form];
  const body = Object.fromEntries(Object.entries(asked).filter(([, value]) => value));
  for (const it of ["since", "until"]) if (body[it]) body[it] = `${body[it].length === 16 ? `${body[it]}:00` : body[it]}Z`;
  let found;
  try {
    found = await ask("/api/search", body);
  } catch (error) {
    if (error.status === 401) throw error;
    return { heading, nodes: [...nodes, problem(error)] };
  }

  if (found.rows.length) nodes.push(el("h2", {}, "Records called that"), table("Records by name", ["Name", "Table", "Key"],
    found.rows.map((it) => [el("a", { href: rowOf(it.table, it.key) }, it.label), it.table, it.key.map(short)]), { quiet: true }));
  if (found.streams.length) nodes.push(el("h2", {}, "Records with this id"), table("Records with this id", ["Record", "Events", "Last", "When"],
    found.streams.map((it) => [el("a", { href: storyOf(it.kind, it.id) }, typed(it.kind)), number(it.events), words(it.type), when(it.recorded_at)]), { quiet: true }));

  const rows = (result) => result.events.map((it) => [
    el("a", { href: storyOf(it.kind, it.id), "aria-label": `${words(it.type)}, ${typed(it.kind)}, position ${it.position}` }, words(it.type)),
    [typed(it.kind), " ", short(it.id)],
    actor(it, result.people), it.command || "—", when(it.recorded_at), el("span.num", {}, number(it.position)),
  ]);
  const more = el("div", {});
  let total = found.events.length;
  if (found.events.length || found.next) {
    const list = table("Events, the newest first", ["Event", "Of", "By", "Command", "When", "Position"], rows(found), { quiet: true });
    nodes.push(el("h2", {}, "Events"), list, more);
    const goOn = async (button, asked) => {
      button.disabled = true;
      try {
        const earlier = await ask("/api/search", { ...body, before: Number(button.dataset.next) });
        const fresh = table("", ["Event", "Of", "By", "Command", "When", "Position"], rows(earlier)).querySelectorAll("tbody tr");
        const first = fresh[0]?.querySelector("a");
        list.querySelector("tbody").append(...fresh);
        total += earlier.events.length;
        if (asked || earlier.events.length) say(`${plural(earlier.events.length, "event")} more`);
        onward(earlier.next);
        if (asked) (first || more.querySelector("button"))?.focus();
      } catch (error) {
        more.replaceChildren(problem(error));
      }
    };
    const onward = (next) => {
      if (!next) return more.replaceChildren(el("p.soft", {}, total ? `${plural(total, "event")}; there are no earlier ones.` : "No event that you may see is like that."));
      const button = el("button", { type: "button", "data-next": String(next), click: () => goOn(button, true) }, "Show earlier events");
      more.replaceChildren(button, el("span.soft", {}, ` searched back to position ${number(next)}`));
    };
    onward(found.next);
    // Where little is to be seen, it may lie far back: the search goes on by itself for a while.
    queueMicrotask(async () => {
      for (let tries = 0; tries < 30; tries += 1) {
        const button = more.querySelector("button");
        if (!button || total >= 10 || (tries && !more.isConnected)) return;
        await goOn(button, false);
      }
    });
  } else if (!found.rows.length && !found.streams.length) {
    nodes.push(el("p.note", {}, heading === "Search" ? "Nothing that you may see is like that." : "Nothing has happened yet that you may see."));
  }
  const said = `${plural(found.events.length, "event")}, ${plural(found.rows.length + found.streams.length, "record")}`;
  return { heading, nodes, said };
}
