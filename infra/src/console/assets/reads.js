// Who read what is most sensitive about somebody, and what for.

import { ask, el, number, plural, problem, say, searchFor, short, shown, table, title, when } from "./parts.js";

const HEADINGS = ["Read", "What", "By", "Login", "Purpose", "Position"];

const row = (it) => [
  when(it.read_at), el("code", {}, it.what),
  el("a", { href: searchFor({ person: it.reader }), title: `What ${it.reader} did` }, short(it.reader)),
  it.login, it.erased ? el("span.tag", {}, "erased") : shown(it.purpose), number(it.position),
];

export async function readsPage({ parts }) {
  const subject = parts.join("/").trim();
  const field = el("input", { id: "subject", name: "subject", type: "search", value: subject, autocomplete: "off", placeholder: "the id of a child, a resident, a user" });
  const form = el("form", {
    role: "search",
    submit: (event) => {
      event.preventDefault();
      location.hash = `#/reads/${encodeURIComponent(field.value.trim())}`;
    },
  }, el("div.ask", {}, el("div", {}, el("label", { for: "subject" }, "Reads about (id)"), field), el("button.main", {}, "Show")));
  const heading = "Sensitive reads";
  const nodes = [title(heading), el("p.soft", {}, "Safeguarding notes, medical details and the like are read for a purpose that is stated first. Who did so stands here for good; what was read does not."), form];
  if (!subject) return { heading, nodes };

  let told;
  try {
    told = await ask("/api/reads", { subject });
  } catch (error) {
    if (error.status === 401) throw error;
    return { heading, nodes: [...nodes, problem(error)] };
  }
  if (!told.reads.length) return { heading, nodes: [...nodes, el("p.note", {}, "Nobody has read anything sensitive about this person.")], said: "No reads" };
  const list = table("Reads, the newest first", HEADINGS, told.reads.map(row), { quiet: true });
  const more = el("div", {});
  let total = told.reads.length;
  const onward = (earlier) => {
    if (!earlier) return more.replaceChildren(el("p.soft", {}, `${plural(total, "read")}; there are no earlier ones.`));
    const button = el("button", { type: "button" }, "Show earlier reads");
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        const next = await ask("/api/reads", { subject, before: earlier });
        const fresh = table("", HEADINGS, next.reads.map(row)).querySelectorAll("tbody tr");
        const first = fresh[0]?.querySelector("a");
        list.querySelector("tbody").append(...fresh);
        total += next.reads.length;
        say(`${plural(next.reads.length, "read")} more`);
        onward(next.earlier);
        first?.focus();
      } catch (error) {
        more.replaceChildren(problem(error));
      }
    });
    more.replaceChildren(button);
  };
  onward(told.earlier);
  return { heading, nodes: [...nodes, list, more], said: plural(total, "read") };
}
