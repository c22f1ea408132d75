// The stream of events, newest first, each with what became of it.

import { by, clockTime, h, lasting, short } from "./dom.js";

const SHOWN = 60;

export class EventList {
  constructor(journeys, order) {
    this.journeys = journeys;
    this.order = order;
    this.paused = false;
    this.due = false;
    by("pause").addEventListener("click", () => this.#pause());
    by("filter").addEventListener("input", () => this.#draw());
    this.#draw();
  }

  heard() {
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
    const all = [...this.journeys.events.values()];
    if (this.paused) {
      by("held").textContent = all.length > this.seen ? `${all.length - this.seen} more since` : "paused";
      return;
    }
    this.seen = all.length;
    by("held").textContent = "";
    const only = by("filter").value.trim().toLowerCase();
    const fits = ({ event }) => !only || [event.type, event.subject, event.id].some((text) => text.toLowerCase().includes(only));
    const shown = all.filter(fits).slice(-SHOWN).reverse();
    by("list").replaceChildren(shown.length ? this.#table(shown) : h("p", { class: "soft" }, only ? "None of that kind yet." : "None yet."));
  }

  #table(shown) {
    const head = ["When", "Event", "About", "What became of it"].map((text) => h("th", { scope: "col" }, text));
    return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Events, newest first" },
      h("table", null, h("thead", null, h("tr", null, head)), h("tbody", null, shown.map((journey) => this.#row(journey)))));
  }

  #row(journey) {
    const { event, order, by: context } = journey;
    const about = order
      ? h("button", { class: "link-like", title: order, onclick: () => this.order.show(order, { look: true }) }, short(order))
      : h("span", { title: event.subject }, short(event.subject));
    return h("tr", null,
      h("td", { class: "time" }, clockTime(journey.at)),
      h("td", null, h("code", { class: `type ${context}`, title: event.id }, event.type)),
      h("td", null, about),
      h("td", { class: "became" }, became(journey)),
    );
  }
}

// committed → published → each delivery
export function became(journey) {
  const steps = [h("span", { class: "step" }, "committed")];
  if (journey.published) steps.push(h("span", { class: "step" }, "published"));
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
  const retried = state === "delivered" && failures ? `, after ${failures} failed` : "";
  return h("span", { class: `step ${state} ${consumer}`, title: reason ?? `attempt ${attempts ?? 1}` }, words[state] + retried);
}
