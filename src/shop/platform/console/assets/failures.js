// What failed: deliveries that are tried again, and dead letters; and, on a demo, contexts to break.

import { ask, Refused } from "./api.js";
import { by, clockTime, h, lasting, moment, say, short } from "./dom.js";

export class Failures {
  constructor(chart, demo) {
    this.consumers = [...new Set(chart.events.flatMap(({ heard }) => Object.keys(heard)))].sort();
    this.broken = new Set(demo?.broken ?? []);
    this.figures = "";
    this.loading = null;
    if (demo) this.#offer();
  }

  heard(moments) {
    const dead = moments.filter(({ what }) => what === "dead");
    if (dead.length) say(`Dead letter: ${dead.at(-1).event.type} for ${dead.at(-1).consumer}`);
    if (moments.some(({ what, attempts }) => what !== "committed" && what !== "published" && (what !== "delivered" || attempts > 1))) this.load();
  }

  tick({ waiting, dead }) {
    const figures = `${waiting > 0} ${dead}`; // another server's failures show here alone
    if (figures !== this.figures) this.load();
    this.figures = figures;
  }

  async load() {
    if (this.loading) {
      this.again = true;
      return this.loading;
    }
    this.loading = this.#load().finally(() => {
      this.loading = null;
      if (this.again) {
        this.again = false;
        this.load();
      }
    });
    return this.loading;
  }

  async #load() {
    const { dead, deadInAll, postponed } = await ask("/console/letters");
    const nothing = !dead.length && !postponed.length;
    by("failed").replaceChildren(
      nothing ? h("p", { class: "well" }, "Nothing: every event has had its effect, or is on its way.") : "",
      postponed.length ? this.#table("Tried again by themselves", postponed, "Try now", "hasten", (one) => `next at ${clockTime(moment(one.due))}`) : "",
      dead.length ? this.#table(`Dead letters: ${deadInAll}`, dead, "Replay", "replay", (one) => `since ${clockTime(moment(one.since))}`) : "",
    );
  }

  #table(title, letters, verb, act, when) {
    return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
      h("table", { class: act }, h("caption", null, title),
        h("thead", null, h("tr", null, ["Event", "For", "Why", "Attempts", "When", ""].map((text) => h("th", { scope: "col" }, text)))),
        h("tbody", null, letters.map((one) => h("tr", null,
          h("td", null, h("details", null, h("summary", null, h("code", { class: "type" }, one.event.type), " ", short(one.event.subject)),
            h("pre", null, JSON.stringify(one.event, null, 2)))),
          h("td", null, one.consumer),
          h("td", { class: "reason" }, one.reason),
          h("td", null, String(one.attempts)),
          h("td", null, when(one)),
          h("td", null, h("button", { onclick: (event) => this.#act(event.target, one, act) }, verb)))))));
  }

  async #act(button, letter, act) {
    button.disabled = true;
    try {
      await ask(`/console/letters/${letter.id}/${act}`, { method: "POST" });
      say(`${letter.event.type} for ${letter.consumer} is tried again`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(error.message);
    }
    await this.load();
  }

  #offer() {
    by("breakages").replaceChildren(
      h("p", { class: "soft" }, "Break a context, place an order, and see what becomes of its events. Then repair it, and replay them."),
      h("div", { class: "row" }, this.consumers.map((name) =>
        h("button", { type: "button", role: "switch", "aria-checked": String(this.broken.has(name)), "data-consumer": name, class: "switch",
          onclick: (event) => this.#break(event.currentTarget, name) }, this.#offerOf(name)))));
  }

  #offerOf(name) {
    return this.broken.has(name) ? `Repair ${name}` : `Break ${name}`;
  }

  async #break(button, name) {
    const broken = await ask("/console/demo/breakages", { method: "POST", body: { consumer: name, broken: !this.broken.has(name) } });
    this.broken = new Set(broken);
    button.setAttribute("aria-checked", String(this.broken.has(name)));
    button.textContent = this.#offerOf(name);
    say(this.broken.has(name) ? `${name} fails at all it hears` : `${name} is repaired`);
  }
}
