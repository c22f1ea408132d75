// The stream of events, newest first, each with what became of it. A row that has not changed stays as it is.

import { by, clockTime, h, lasting, short } from "./dom.js";
import { retried } from "./journeys.js";

const SHOWN = 60;

export class EventList {
  constructor(journeys, order) {
    this.journeys = journeys;
    this.order = order;
    this.paused = false;
    this.due = false;
    this.rows = new Map(); // id of an event → its row
    this.body = h("tbody");
    const head = ["When", "Event", "About", "What became of it"].map((text) => h("th", { scope: "col" }, text));
    this.none = h("p", { class: "soft" });
    this.table = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Events, newest first" },
      h("table", null, h("thead", null, h("tr", null, head)), this.body));
    by("list").replaceChildren(this.none, this.table);
    by("pause").addEventListener("click", () => this.#pause());
    by("filter").addEventListener("input", () => this.#draw());
    this.#draw();
  }

  heard(changed) {
    for (const journey of changed) this.rows.delete(journey.event.id); // to be drawn anew
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      this.#draw();
    });
  }

  #pause() {
    this.paused = !this.paused;
    by("pause").setAttribute("aria-pressed", String(this.paused));
    by("pause").textContent = this.paused ? "Go on" : "Pause";
    this.#draw();
  }

  #draw() {
    if (this.paused) {
      const more = this.journeys.count - this.seen;
      by("held").textContent = more ? `${more} more since` : "paused";
      return;
    }
    this.seen = this.journeys.count;
    by("held").textContent = "";
    const only = by("filter").value.trim().toLowerCase();
    const fits = ({ event, order }) => !only || [event.type, event.subject, event.id, order ?? ""].some((text) => text.toLowerCase().includes(only));
    const shown = [...this.journeys.events.values()].filter(fits).slice(-SHOWN).reverse();
    this.none.textContent = shown.length ? "" : only ? "None of that kind yet." : "None yet.";
    this.table.hidden = !shown.length;
    const before = this.rows;
    this.rows = new Map(shown.map((journey) => [journey.event.id, before.get(journey.event.id) ?? this.#row(journey)]));
    this.#put([...this.rows.values()]);
  }

  // Only what is not where it should be is moved, so that who is on a row stays there.
  #put(rows) {
    const on = this.body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const wanted = new Set(rows);
    for (const row of [...this.body.children]) if (!wanted.has(row)) row.remove();
    rows.forEach((row, n) => {
      if (this.body.children[n] !== row) this.body.insertBefore(row, this.body.children[n] ?? null);
    });
    if (on && !this.body.contains(document.activeElement)) this.body.querySelector(`[data-key="${CSS.escape(on)}"]`)?.focus({ preventScroll: true });
  }

  #row(journey) {
    const { event, order, by: context } = journey;
    const about = order
      ? h("button", { class: "link-like", title: order, "data-key": event.id, onclick: () => this.order.show(order, { look: true }) }, short(order))
      : h("span", { title: event.subject }, short(event.subject));
    return h("tr", null,
      h("td", { class: "time" }, clockTime(journey.at)),
      h("td", null, h("code", { class: `type ${context}`, title: event.id }, event.type)),
      h("td", null, about),
      h("td", null, h("div", { class: "became" }, became(journey))),
    );
  }
}

// committed → published → each delivery
function became(journey) {
  const steps = [h("span", { class: "step" }, "committed")];
  if (journey.published) steps.push(h("span", { class: "step" }, "published"));
  else steps.push(h("span", { class: "step" }, "for who follows GET /events"));
  for (const [consumer, delivery] of journey.to) steps.push(step(journey, consumer, delivery));
  return steps;
}

function step(journey, consumer, { state, at, againIn, reason, attempts, failures }) {
  const words = {
    delivered: `${consumer} ✓ ${lasting(at - journey.at)}`,
    failed: `${consumer}: failed, again in ${lasting((againIn ?? 0) * 1000)}`,
    dead: `${consumer}: dead letter`,
    replayed: `${consumer}: replayed`,
  };
  return h("span", { class: `step ${state} ${consumer}`, title: reason ?? `attempt ${attempts ?? 1}` }, words[state] + retried(state, failures));
}
