// What every page is made of: elements, words for values, and asking the server.

/** An element. Properties that are functions listen; text is only ever text. */
export function el(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag || "div");
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") made.addEventListener(key, value);
    else if (key in made && typeof value !== "string") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(9).filter((it) => it !== null && it !== undefined && it !== false));
  return made;
}

const SVG = "http:" + "//www.w3.org/2000/svg";

/** An element of a drawing. */
export function draw(name, properties = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(properties)) made.setAttribute(key, value);
  made.append(...children.flat(9));
  return made;
}

/** A refusal, in the server's words. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || "The server does not answer.");
    this.status = status;
    this.code = problem.code;
  }
}

/** Asks the server. What is asked for stands in the body, in no address. */
export async function ask(path, body) {
  const options = body === undefined
    ? {}
    : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Refused(0, { detail: "The server does not answer. Is it running?" });
  }
  const told = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, told);
  return told;
}

/** Has a screen reader say something. */
export function say(text) {
  const place = document.getElementById("said");
  place.textContent = "";
  setTimeout(() => (place.textContent = text), 30);
}

/** `AlertAcknowledged` is "Alert acknowledged". */
export function words(name) {
  return name.replace(/([a-z0-9])([A-Z])/g, (_, a, b) => `${a} ${b.toLowerCase()}`);
}

export const number = (it) => Number(it).toLocaleString("en-GB").replaceAll(",", "\u202f");

export const plural = (amount, one) => `${number(amount)} ${one}${amount === 1 ? "" : "s"}`;

const two = (it) => String(it).padStart(2, "0");

/** A time in UTC, to the second. */
export function stamp(text) {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return String(text);
  const day = `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`;
  return `${day} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
}

export const when = (text) => el("time", { datetime: text, title: `${text}` }, `${stamp(text)} UTC`);

/** A value of a row on a line. */
export function plain(value) {
  if (value === null || value === undefined) return "—";
  if (value === true) return "yes";
  if (value === false) return "no";
  if (typeof value === "string") {
    if (/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(value)) return `${stamp(value)} UTC`;
    return value === "" ? "“”" : value;
  }
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A value, with those that stand for a person's data once it is gone marked as such. */
export function shown(value, whole = true) {
  const gone = value === "erased" || (typeof value === "string" && value.endsWith("@erased.invalid"));
  if (gone) return el("span.tag", {}, "erased");
  if (value === null || value === undefined) return el("span.empty", {}, el("span.unseen", {}, "nothing"), el("span", { "aria-hidden": "true" }, "—"));
  const text = plain(value);
  const id = typeof value === "string" && /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(value);
  if (id) return el("a.id", { href: searchFor({ text: value }), title: `Look for ${value}` }, whole ? value : brief(value));
  return text;
}

const brief = (id) => id.length > 13 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id;

/** An id, short for the eye and whole for whoever copies it. */
export const short = (id) => el("span.id", { title: id }, brief(id));

/** Where a story, a row, a search is. What stands behind # never leaves the browser. */
export const storyOf = (kind, id) => `#/story/${encodeURIComponent(kind)}/${encodeURIComponent(id)}`;
export const rowOf = (table, key) => `#/row/${[table, ...key].map(encodeURIComponent).join("/")}`;
export const searchFor = (fields) => `#/search?${new URLSearchParams(fields)}`;

/** Who did it. */
export function actor(it, people) {
  const name = people?.[it.actor];
  const kind = { system: "a service", operator: "the operator", person: null }[it.actor_kind];
  const link = (text) => el("a", { href: searchFor({ person: it.actor }), title: `What ${it.actor} did` }, text);
  if (!it.actor) return el("span", {}, "nobody known");
  if (name || kind) return link(name || kind);
  return el("span", {}, "person ", link(brief(it.actor)));
}

export const typed = (kind) => kind.replace(".", " / ").replaceAll("_", " ");

/** A heading that gets the focus, so that a screen reader begins there. */
export const title = (text, ...more) => el("h1", { tabindex: "-1" }, text, ...more);

export const problem = (error) => el("p.problem", { role: "alert" }, error.message);

/** A table; each cell knows its heading, for narrow screens. */
export function table(caption, headings, rows, { quiet = false } = {}) {
  const head = el("tr", {}, headings.map((it) => el("th", { scope: "col" }, it)));
  const body = rows.map((cells) => el("tr", {}, cells.map((cell, nth) => {
    const of = { "data-of": headings[nth] };
    return nth === 0 ? el("th", { scope: "row" }, cell) : el("td", of, cell);
  })));
  return el("div.wide", {}, el("table.stack", {}, el("caption", { class: quiet ? "unseen" : "" }, caption), el("thead", {}, head), el("tbody", {}, body)));
}
