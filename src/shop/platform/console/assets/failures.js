// What failed: deliveries that are tried again, and dead letters; and, on a demo, contexts to break.

import { ask, Refused } from "./api.js";
import { by, clockTime, h, lasting, moment, redraw, say, short } from "./dom.js";
import { orderOf } from "./journeys.js";

const QUIET = new Set(["committed", "published"]);
const GONE = 404; // delivered meanwhile, or replayed by somebody else

export class Failures {
  constructor(chart, demo, { order, broken }) {
    this.consumers = [...new Set(chart.events.flatMap(({ heard }) => Object.keys(heard)))].sort();
    this.order = order;
    this.tell = broken;
    this.broken = new Set(demo?.broken ?? []);
    this.figures = "";
    this.loading = null;
    this.acting = false;
    this.tell(this.broken);
    if (demo) this.#offer();
  }

  heard(moments) {
    const dead = moments.filter(({ what }) => what === "dead");
    if (dead.length) say(`Dead letter: ${dead.at(-1).event.type} for ${dead.at(-1).consumer}`);
    if (moments.some(({ what, attempts }) => !QUIET.has(what) && (what !== "delivered" || attempts > 1))) this.load();
  }

  tick({ waiting, dead }) {
    const figures = `${waiting > 0} ${dead}`; // another server's failures show here alone
    if (figures !== this.figures) this.load();
    this.figures = figures;
    for (const due of by("failed").querySelectorAll("[data-due]")) due.textContent = next(Number(due.dataset.due));
  }

  load() {
    if (this.loading) this.again = true;
    else
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
    try {
      const { dead, deadInAll, postponed } = await ask("/console/letters");
      redraw(by("failed"),
        dead.length || postponed.length ? "" : h("p", { class: "well" }, "Nothing: every event has had its effect, or is on its way."),
        postponed.length ? this.#table("Failed, and tried again by itself", postponed, "hasten", ["Try now", `Try these ${postponed.length} now`]) : "",
        dead.length ? this.#table(`Dead letters: ${deadInAll}`, dead, "replay", ["Replay", `Replay these ${dead.length}`]) : "");
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // it is asked again at the next change
    }
  }

  #table(title, letters, act, [verb, all]) {
    const head = ["Event", "For", "Why", "Attempts", "When", ""].map((text) => h("th", { scope: "col" }, text));
    return [
      h("div", { class: "row" }, h("h3", null, title), letters.length > 1 ? this.#button(all, letters, act, `all ${act}`) : ""),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
        h("table", { class: act, "aria-label": title }, h("thead", null, h("tr", null, head)),
          h("tbody", null, letters.map((one) => this.#row(one, act, verb))))),
    ];
  }

  #row(one, act, verb) {
    const order = one.event.data.orderId ?? orderOf(one.event);
    return h("tr", null,
      h("td", null,
        h("details", { "data-key": `more ${one.id}` }, h("summary", { "data-key": `event ${one.id}` }, h("code", { class: "type" }, one.event.type)),
          h("pre", null, JSON.stringify(one.event, null, 2))),
        order ? h("button", { class: "link-like", "data-key": `order ${one.id}`, title: order, onclick: () => this.order.show(order, { look: true }) }, short(order)) : short(one.event.subject)),
      h("td", null, one.consumer),
      h("td", { class: "reason" }, one.reason.replace(/^BrokenOnPurpose: /, "")),
      h("td", null, String(one.attempts)),
      h("td", null, one.due ? h("span", { "data-due": moment(one.due) }, next(moment(one.due))) : `since ${clockTime(moment(one.since))}`),
      h("td", { class: "act" }, this.#button(verb, [one], act, `${one.event.id} ${one.consumer}`)));
  }

  #button(text, letters, act, name) {
    return h("button", { "data-key": `act ${name}`, onclick: () => this.#act(letters, act) }, text);
  }

  // One after the other; what stands in the way of one letter alone does not keep the others.
  async #act(letters, act) {
    if (this.acting) return;
    this.#busy(true);
    const refusals = new Set();
    let done = 0;
    for (const { id } of letters) {
      try {
        await ask(`/console/letters/${id}/${act}`, { method: "POST" });
        done += 1;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        refusals.add(`${error.message}.`);
        if (error.status !== GONE) break;
      }
    }
    by("not-repeated").textContent = [...refusals].join(" ");
    if (done) say(letters.length === 1 ? `${letters[0].event.type} for ${letters[0].consumer} is tried again` : `${done} are tried again`);
    await this.load();
    this.#busy(false); // not before, or what is gone could be repeated
    if (document.activeElement === document.body) by("failures-title").focus();
  }

  #busy(acting) {
    this.acting = acting;
    by("failed").setAttribute("aria-busy", String(acting));
  }

  #offer() {
    redraw(by("breakages"),
      h("p", { class: "soft" }, "Break a context: it fails at every event it hears, and still answers over HTTP. Place an order and pay, and see what waits. ",
        "Then repair it: what failed is tried again within a minute, or ", h("i", null, "Try now"), "; what has failed twice is dead here, until you ", h("i", null, "Replay"), " it."),
      h("div", { class: "row" }, this.consumers.map((name) =>
        h("button", { type: "button", role: "switch", "aria-checked": String(this.broken.has(name)), "data-consumer": name, "data-key": `break ${name}`, class: "switch",
          onclick: () => this.#break(name) }, this.broken.has(name) ? `Repair ${name}` : `Break ${name}`))));
  }

  async #break(name) {
    try {
      this.broken = new Set(await ask("/console/demo/breakages", { method: "POST", body: { consumer: name, broken: !this.broken.has(name) } }));
      say(this.broken.has(name) ? `${name} fails at all it hears` : `${name} is repaired`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(error.message);
    }
    this.tell(this.broken);
    this.#offer();
  }
}

const next = (due) => (due > Date.now() ? `again in ${lasting(due - Date.now())}` : "now");
