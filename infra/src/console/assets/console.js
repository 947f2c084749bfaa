// The console: who is here, which page, and the bar above it.

import { ask, el, problem, say, title } from "./parts.js";
import { searchPage } from "./search.js";
import { storyPage } from "./story.js";
import { rowPage } from "./row.js";
import { readsPage } from "./reads.js";
import { statusPage } from "./state.js";
import { replayPage, verifyPage } from "./jobs.js";

const PAGES = {
  search: { page: searchPage, name: "Search" },
  story: { page: storyPage },
  row: { page: rowPage },
  reads: { page: readsPage, name: "Reads", operator: true },
  status: { page: statusPage, name: "Status", operator: true },
  verify: { page: verifyPage, name: "Verify", operator: true },
  replay: { page: replayPage, name: "Replay", operator: true },
};

const main = document.getElementById("main");
let me = null;
let turn = 0;
let leave = () => {};

/** What stands behind #: the page, its parts, its fields. */
function place() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [page, ...parts] = path.split("/").map(decodeURIComponent);
  return { page: page || "search", parts, fields: Object.fromEntries(new URLSearchParams(query || "")) };
}

async function show() {
  const mine = ++turn;
  leave();
  leave = () => {};
  const at = place();
  const known = PAGES[at.page];
  for (const link of document.querySelectorAll("#nav a")) {
    const here = link.hash === `#/${at.page}`;
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  main.setAttribute("aria-busy", "true");
  let drawn;
  try {
    if (!known || (known.operator && !me.operator)) throw new Error("There is no such page.");
    drawn = await known.page({ ...at, me, onLeave: (it) => (leave = it) });
  } catch (error) {
    if (error.status === 401) return signIn(error);
    drawn = { heading: "Not here", nodes: [title("Not here"), problem(error)] };
  }
  if (mine !== turn) return;
  main.removeAttribute("aria-busy");
  main.replaceChildren(...drawn.nodes);
  document.title = `${drawn.heading} · Annals`;
  main.querySelector("h1")?.focus({ preventScroll: true });
  if (drawn.said) say(drawn.said);
  scrollTo(0, 0);
}

function bar() {
  const nav = document.getElementById("nav");
  const who = document.getElementById("who");
  nav.hidden = who.hidden = !me;
  if (!me) return;
  const links = Object.entries(PAGES).filter(([, it]) => it.name && (!it.operator || me.operator));
  nav.replaceChildren(el("ul", {}, links.map(([page, it]) => el("li", {}, el("a", { href: `#/${page}` }, it.name)))));
  const name = me.operator ? "Operator" : me.email || `Person ${me.id.slice(-12)}`;
  const out = el("button", { type: "button", click: signOut }, "Sign out");
  who.replaceChildren(el("span", { title: me.id }, el("span.unseen", {}, "Signed in as "), name), out);
}

async function signOut() {
  await ask("/api/session/end", {}).catch(() => {});
  me = null;
  bar();
  await signIn();
}

/** The door. On a machine of one's own there is a list of people; elsewhere a token is pasted. */
async function signIn(refused) {
  turn++;
  leave();
  leave = () => {};
  me = null;
  bar();
  main.removeAttribute("aria-busy");
  const said = el("div", { "aria-live": "assertive" });
  const enter = async (given) => {
    try {
      me = await ask("/api/session", given);
      bar();
      await show();
    } catch (error) {
      said.replaceChildren(problem(error));
    }
  };
  const field = el("textarea", { id: "token", rows: "5", autocomplete: "off", spellcheck: "false", "aria-describedby": "token-hint" });
  const form = el("form.sheet", { submit: (event) => { event.preventDefault(); enter({ token: field.value }); } },
    el("h2", {}, "With a token"),
    el("label", { for: "token" }, "Your access token"), field,
    el("p.soft", { id: "token-hint" }, "The same that your commands are sent with. It is kept in a cookie that no script can read, and sent nowhere else."),
    el("button.main", {}, "Sign in"), said);
  const people = await ask("/api/people").catch(() => []);
  const list = people.length ? el("section.sheet", { "aria-labelledby": "as" },
    el("h2", { id: "as" }, "As somebody of the demo"),
    el("ul", {}, people.map((it) => el("li", {}, el("button", { type: "button", click: () => enter({ person: it.name }) }, el("b", {}, it.name), el("span.soft", {}, it.about)))))) : null;
  const why = refused?.code === "token_expired" ? el("p.note", {}, "Your token's time is over. Sign in again.") : null;
  main.replaceChildren(title("Sign in"), el("p.soft", {}, "What happened, who did it, and why: every record as it was at any moment. You see what you may see."), why || "", el("div.door", {}, list || "", form));
  document.title = "Sign in · Annals";
  main.querySelector("h1").focus({ preventScroll: true });
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", () => (me ? show() : signIn()));

try {
  me = await ask("/api/me");
  bar();
  await show();
} catch (error) {
  if (error.status === 401) await signIn(error);
  else main.replaceChildren(title("Annals"), problem(error));
}
