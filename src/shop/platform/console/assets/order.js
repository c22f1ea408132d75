// Where an order went: each event of it, and each delivery, on one line of time. Waiting is shown, but shortened.

import { ask, Refused } from "./api.js";
import { by, clockTime, h, lasting, moment, money, redraw } from "./dom.js";
import { retried } from "./journeys.js";

const LULL = 60; // ms: longer than that nothing happened, and the line of time is folded

export class OrderShown {
  constructor(journeys, chart) {
    this.journeys = journeys;
    this.heardBy = new Map(chart.events.map(({ type, heard }) => [type, heard])); // what consumers do with it
    this.id = null;
    this.due = false;
    by("order-ask").addEventListener("submit", (event) => {
      event.preventDefault();
      const id = by("order-id").value.trim();
      if (id) this.show(id);
    });
  }

  async show(id, { look = false } = {}) {
    this.id = id;
    by("order-id").value = id;
    await this.#draw();
    if (look) by("order").scrollIntoView({ behavior: "smooth", block: "start" });
  }

  heard(changed) {
    if (!this.id || this.due || ![...changed].some(({ order }) => order === this.id)) return;
    this.due = true;
    setTimeout(() => {
      this.due = false;
      this.#draw();
    }, 120); // what happens together is drawn together
  }

  async #draw() {
    const id = this.id;
    try {
      const told = await ask(`/orders/${encodeURIComponent(id)}`);
      if (id !== this.id) return;
      const rows = rowsOf(this.journeys.of(id));
      redraw(by("order-shown"), heading(told), waits(told, rows), rows.length ? waterfall(rows, told, this.heardBy) : plain(told));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      redraw(by("order-shown"), h("p", { class: "error", role: "alert" }, error.message));
    }
  }
}

const since = (ms) => (ms < 1000 ? lasting(ms) : `${(ms / 1000).toFixed(3)} s`);

function heading(told) {
  return h("div", { class: "order-head" },
    h("span", { class: `status ${told.status}` }, told.status), " ",
    h("b", null, money(told.total, told.currency)), " ",
    h("span", { class: "soft" }, `placed ${clockTime(moment(told.createdAt))}, ${told.lines.length} ${told.lines.length === 1 ? "line" : "lines"}`),
    " ", h("code", null, told.orderId),
    Number(told.owedBack ?? 0) ? h("p", null, `${money(told.owedBack, told.currency)} is owed back to who paid.`) : null,
    h("p", { class: "soft" }, told.lines.map(({ name, quantity }) => `${quantity} × ${name}`).slice(0, 5).join(", "), told.lines.length > 5 ? ", …" : ""));
}

// Why it goes no further.
function waits({ status }, rows) {
  if (status !== "pending" && status !== "confirmed") return null;
  const failed = rows.find(({ state }) => state === "failed" || state === "dead");
  if (failed) return h("p", { class: "error" }, `It is ${status} until ${failed.consumer} has heard ${failed.type}, at which it failed: see what failed, below.`);
  return h("p", { class: "soft" }, status === "pending" ? "It waits for its goods." : "It waits to be paid.");
}

function rowsOf(journeys) {
  const rows = [];
  for (const { event, by: context, at, to } of journeys) {
    if (!to.size) rows.push({ id: event.id, type: event.type, context, from: at, until: at, consumer: null, words: "for who follows GET /events" });
    for (const [consumer, { state, at: ended, againIn, failures }] of to) {
      const took = lasting(ended - at);
      const words = { delivered: `${consumer} in ${took}`, failed: `${consumer} failed; again in ${lasting((againIn ?? 0) * 1000)}`,
        dead: `${consumer} failed: a dead letter`, replayed: `${consumer}: replayed` }[state];
      rows.push({ id: event.id, type: event.type, context, from: at, until: ended, consumer, state, words: words + retried(state, failures) });
    }
  }
  return rows.sort((a, b) => a.from - b.from || a.until - b.until);
}

// Moments → where they are on a line from 0 to 100, with lulls folded; and where the folds are.
function lineOf(rows) {
  const times = [...new Set(rows.flatMap(({ from, until }) => [from, until]))].sort((a, b) => a - b);
  let length = 0;
  const at = new Map([[times[0], 0]]);
  const folds = [];
  for (let n = 1; n < times.length; n += 1) {
    const gap = times[n] - times[n - 1];
    if (gap > LULL) folds.push([length + LULL / 2, gap]);
    length += Math.min(gap, LULL);
    at.set(times[n], length);
  }
  const scale = 100 / (length || 1);
  return { at: (time) => at.get(time) * scale, folds: folds.map(([place, gap]) => [place * scale, gap]) };
}

function waterfall(rows, { timeline }, heardBy) {
  const details = new Map(timeline.filter(({ detail }) => detail && detail.length < 25).map(({ by: cause, detail }) => [cause, detail]));
  const line = lineOf(rows);
  const first = rows[0].from;
  const items = rows.map((row) => {
    const left = line.at(row.from);
    const bar = h("span", { class: `bar ${row.consumer ?? "nobody"} ${row.state ?? ""}` });
    bar.style.left = `${left}%`;
    bar.style.width = `max(4px, ${line.at(row.until) - left}%)`;
    return h("li", null,
      h("span", { class: "since" }, `+${since(row.from - first)}`),
      h("code", { class: `type ${row.context}` }, row.type),
      h("span", { class: "track", "aria-hidden": "true" }, bar),
      h("span", { class: `to ${row.state ?? ""}` }, row.words, details.has(row.id) ? `: ${details.get(row.id)}` : "",
        row.consumer ? h("small", null, heardBy.get(row.type)?.[row.consumer] ?? "") : ""));
  });
  const folds = line.folds.map(([place, gap]) => {
    const fold = h("span", { class: "fold" }, h("span", null, lasting(gap)));
    fold.style.left = `${place}%`;
    return fold;
  });
  return h("div", { class: "waterfall" },
    h("ol", null, items),
    folds.length ? h("div", { class: "folds", "aria-hidden": "true" }, h("span", { class: "track" }, folds)) : null,
    h("p", { class: "soft" }, "From the commit of an event to the commit of its effect. ",
      folds.length ? "Where nothing happened for a while, the line is folded." : ""));
}

// An order from before this server looked on: what the order itself remembers.
function plain(told) {
  return h("div", { class: "waterfall" },
    h("ol", null, told.timeline.map(({ what, at, detail }) =>
      h("li", { class: "plain" }, h("span", { class: "since" }, clockTime(moment(at))), h("code", { class: "type" }, what), h("span", { class: "to" }, detail ?? "")))),
    h("p", { class: "soft" }, "This order is from before what the console remembers: this is its own timeline."));
}
