// The map: contexts, cache, bus, and what moves between them. Every box and arrow says what it is when it is chosen.

import { by, choosable, contextOf, h, s } from "./dom.js";

const NARROW = window.matchMedia("(max-width: 46rem)");
const STILL = window.matchMedia("(prefers-reduced-motion: reduce)");
const MOST_DOTS = 80;
const BEAT = 700; // ms that a dot takes along an arrow

// name → [x, y, width, height]; where an arrow ends is on the edges that face each other.
const WIDE = {
  size: [1060, 372],
  boxes: {
    customer: [6, 16, 190, 56], provider: [6, 88, 190, 56], orders: [264, 16, 196, 128], cache: [526, 40, 116, 80],
    catalog: [700, 16, 164, 128], rewards: [890, 16, 164, 128], bus: [264, 216, 790, 46], outside: [264, 318, 196, 50],
    dead: [700, 310, 164, 58],
  },
};
const TALL = {
  size: [420, 736],
  boxes: {
    customer: [10, 10, 180, 60], provider: [210, 10, 200, 60], orders: [10, 130, 240, 96], cache: [60, 276, 140, 56],
    catalog: [10, 382, 240, 90], rewards: [10, 500, 240, 90], bus: [340, 130, 70, 510], outside: [10, 612, 240, 46],
    dead: [220, 676, 190, 54],
  },
};

const WORDS = {
  customer: ["Customer", "Places orders over HTTP, each with a key: the same key is the same order, however often it is sent."],
  provider: ["Payment provider", "Tells the shop by a signed webhook what was paid. It may tell it twice, late, or out of order: it counts once."],
  cache: ["Cache", "Answers what orders asks of the catalog: from memory, from Redis where several servers share one, or by asking whether what it has still holds. Events drop what has changed, so a price is not old."],
  bus: ["Event bus", "Brings each event to those who listen, at least once, in any order. An event is in the commit that caused it, so none is lost; a delivery ends in the commit of its effect, so none counts twice."],
  outside: ["Others", "Whoever is outside follows all events at GET /events: a mail sender, an accountant's script, who pays refunds."],
  dead: ["Dead letters", "Deliveries that failed as often as they may. Nothing is lost: mend the cause, then replay them, below."],
};

const ARROWS = {
  "customer orders": ["places orders", "POST /orders. The answer does not wait for the catalog: the order is pending until its goods are set aside."],
  "provider orders": ["tells of payments", "POST /payments/webhook, signed. What it says becomes an event, and the order counts it once."],
  "orders cache": ["reads products", "Names and prices of what is ordered. A hit is a look-up in memory: no request is made."],
  "cache catalog": ["asks what it lacks", "GET /products, with a breaker before it: after five failures in a minute the catalog is left alone for a minute, and orders go on with what the cache has."],
  "bus outside": ["tells the outside", "GET /events, with a cursor: every event since, each at least once."],
  "bus dead": ["gives up", "After the last attempt a delivery is a dead letter. Others are not held up by it."],
};

export class MapOfContexts {
  constructor(chart) {
    this.chart = chart;
    this.out = new Set(); // contexts that are broken
    this.published = {};
    this.heardBy = {};
    this.lost = {};
    this.reads = null;
    this.dead = 0;
    this.chosen = "customer";
    this.#draw();
    NARROW.addEventListener("change", () => this.#draw());
  }

  heard(moments) {
    for (const { what, event, consumer } of moments) {
      const context = contextOf(event);
      if (what === "committed") {
        this.published[context] = (this.published[context] ?? 0) + 1;
        if (event.type === "order.created") this.#dot(["customer", "orders"], context);
        if (event.type.startsWith("payment.")) this.#dot(["provider", "orders"], context);
        this.#dot([context, "bus"], context, { after: BEAT / 2, title: event.type });
        if (event.type === "refund.due") this.#dot(["bus", "outside"], context, { after: 1.5 * BEAT, title: event.type });
      } else if (what === "delivered") {
        this.heardBy[consumer] = (this.heardBy[consumer] ?? 0) + 1;
        this.#dot(["bus", consumer], context, { after: 1.5 * BEAT, title: event.type });
      } else if (what === "failed" || what === "dead") {
        this.lost[consumer] = (this.lost[consumer] ?? 0) + 1;
        this.#dot(["bus", consumer], "failure", { after: 1.5 * BEAT, title: event.type });
        if (what === "dead") this.#dot(["bus", "dead"], "failure", { after: 2.5 * BEAT, title: event.type });
      }
    }
    this.#count();
  }

  broken(names) {
    this.out = names;
    this.#count();
  }

  tick({ reads, circuits, dead }) {
    const now = { hit: reads.memory + reads.redis + reads["stale-if-error"], miss: reads.origin };
    if (this.reads) {
      if (now.hit + now.miss > this.reads.hit + this.reads.miss) this.#dot(["orders", "cache"], "orders");
      if (now.miss > this.reads.miss) this.#dot(["cache", "catalog"], "orders", { after: BEAT });
    }
    this.reads = now;
    this.dead = dead;
    this.svg.querySelector("[data-arrow='cache catalog']").classList.toggle("cut", circuits.catalog === "open");
    this.#count();
  }

  #draw() {
    const { size, boxes } = NARROW.matches ? TALL : WIDE;
    this.boxes = boxes;
    this.tall = NARROW.matches;
    this.dots = s("g", { class: "dots", "aria-hidden": "true" });
    this.svg = s(
      "svg",
      { viewBox: `0 0 ${size.join(" ")}`, role: "group", "aria-label": "Map of the shop" },
      s("defs", null, s("marker", { id: "tip", viewBox: "0 0 8 8", refX: "7", refY: "4", markerWidth: "12", markerHeight: "12", markerUnits: "userSpaceOnUse", orient: "auto" },
        s("path", { d: "M0 0 8 4 0 8z", class: "tip" }))),
      ...Object.keys(boxes).map((name) => this.#box(name)),
      ...this.#pairs().map((pair) => this.#arrow(pair)),
      this.dots,
    );
    by("picture").replaceChildren(this.svg);
    this.#count();
    this.#explain(this.chosen);
  }

  #pairs() {
    const contexts = this.chart.contexts.map(({ name }) => name);
    return [...Object.keys(ARROWS), ...contexts.flatMap((name) => [`${name} bus`, `bus ${name}`])];
  }

  #box(name) {
    const [x, y, width, height] = this.boxes[name];
    const [title] = WORDS[name] ?? [name[0].toUpperCase() + name.slice(1)];
    const upright = name === "bus" && this.tall;
    const middle = [x + width / 2, y + height / 2];
    const group = s("g", { class: `box ${name}`, "data-box": name },
      s("rect", { x, y, width, height, rx: 10 }),
      s("text", { x: middle[0], y: middle[1], class: "title", transform: upright ? `rotate(90 ${middle.join(" ")})` : null, dy: ["0.35em", "-0.2em", "-0.65em"][this.#lines(name)] }, title),
      ...this.#lines(name) ? [0, 1].slice(0, this.#lines(name)).map((n) =>
        s("text", { x: middle[0], y: middle[1], class: "line", dy: `${1 + 1.3 * n}em`, "data-line": `${name} ${n}` })) : [],
    );
    return choosable(group, `${title}: what it is`, () => this.#choose(name));
  }

  #lines(name) {
    if (this.chart.contexts.some((context) => context.name === name)) return 2;
    return name === "cache" || name === "dead" ? 1 : 0;
  }

  #arrow(pair) {
    const [from, to] = pair.split(" ");
    const [x1, y1, x2, y2] = this.#ends(from, to);
    const label = this.#labelOf(pair);
    const group = s("g", { class: `arrow ${from === "bus" ? "in" : "out"}`, "data-arrow": pair },
      s("line", { x1, y1, x2, y2, class: "wide" }),
      s("line", { x1, y1, x2, y2, class: "thin", "marker-end": "url(#tip)" }),
      this.#caption(label, from, to, [x1, y1, x2, y2]),
    );
    return choosable(group, `${from} to ${to}, ${label}: what it is`, () => this.#choose(pair));
  }

  #caption(label, from, to, [x1, y1, x2, y2]) {
    const flat = Math.abs(x2 - x1) > Math.abs(y2 - y1);
    const at = [(x1 + x2) / 2, (y1 + y2) / 2];
    if (flat) return null; // no room: the arrow says it when chosen
    const out = to === "bus";
    return s("text", { class: "caption", x: at[0] + (out ? -7 : 7), y: at[1], "text-anchor": out ? "end" : "start", dy: "0.3em" }, label);
  }

  // A pair of arrows between a context and the bus lie side by side.
  #ends(from, to) {
    const a = this.boxes[from], b = this.boxes[to];
    const aside = from === "bus" ? 1 : to === "bus" ? -1 : 0;
    const other = from === "bus" ? b : a;
    const spread = aside && this.chart.contexts.some(({ name }) => name === from || name === to) ? 22 * aside : 0;
    const overlap = (axis) => [Math.max(a[axis], b[axis]), Math.min(a[axis] + a[axis + 2], b[axis] + b[axis + 2])];
    const [left, right] = overlap(0);
    const [top, bottom] = overlap(1);
    if (right - left > 20) {
      const x = (aside ? other[0] + other[2] / 2 : (left + right) / 2) + spread;
      const inside = Math.min(Math.max(x, left + 6), right - 6);
      return a[1] < b[1] ? [inside, a[1] + a[3], inside, b[1] - 3] : [inside, a[1], inside, b[1] + b[3] + 3];
    }
    const y = bottom - top > 12 ? (aside ? other[1] + other[3] / 2 : (top + bottom) / 2) + spread : null;
    const [y1, y2] = y === null ? [a[1] + a[3] / 2, b[1] + (a[1] < b[1] ? b[3] / 4 : (3 * b[3]) / 4)] : [y, y];
    return a[0] < b[0] ? [a[0] + a[2], y1, b[0] - 3, y2] : [a[0], y1, b[0] + b[2] + 3, y2];
  }

  #labelOf(pair) {
    if (ARROWS[pair]) return ARROWS[pair][0];
    return pair.startsWith("bus ") ? "hears" : "publishes";
  }

  // What takes milliseconds is shown slowed down, one arrow after the other.
  #dot([from, to], colour, { after = 0, title } = {}) {
    if (!this.boxes[from] || !this.boxes[to] || document.hidden) return;
    const arrow = this.svg.querySelector(`[data-arrow='${from} ${to}']`);
    if (STILL.matches) {
      arrow.classList.add("lit");
      setTimeout(() => arrow.classList.remove("lit"), 600);
      return;
    }
    if (this.dots.childElementCount >= MOST_DOTS) return;
    const [x1, y1, x2, y2] = this.#ends(from, to);
    const dot = s("circle", { r: 7, cx: 0, cy: 0, class: `dot ${colour}` }, title ? s("title", null, title) : null);
    this.dots.append(dot);
    const way = [{ transform: `translate(${x1}px, ${y1}px)` }, { transform: `translate(${x2}px, ${y2}px)` }];
    dot.animate(way, { duration: BEAT, delay: after, fill: "backwards", easing: "ease-in-out" }).finished.then(() => dot.remove());
  }

  #count() {
    const line = (name, n, text) => {
      this.svg.querySelector(`[data-line='${name} ${n}']`).textContent = text;
    };
    for (const { name } of this.chart.contexts) {
      line(name, 0, `${this.published[name] ?? 0} published`);
      const failed = this.lost[name] ? `, ${this.lost[name]} failed` : "";
      line(name, 1, this.out.has(name) ? `broken${failed}` : `${this.heardBy[name] ?? 0} heard${failed}`);
      this.svg.querySelector(`[data-box='${name}']`).classList.toggle("alarm", this.out.has(name));
    }
    const all = this.reads ? this.reads.hit + this.reads.miss : 0;
    line("cache", 0, all ? `${Math.round((100 * this.reads.hit) / all)} % hits` : "no reads yet");
    line("dead", 0, this.dead ? `${this.dead} to be replayed` : "none");
    this.svg.querySelector("[data-box='dead']").classList.toggle("alarm", this.dead > 0);
  }

  #choose(name) {
    this.chosen = name;
    this.#explain(name);
  }

  #explain(name) {
    for (const one of this.svg.querySelectorAll("[role=button]")) {
      const chosen = one.dataset.box === name || one.dataset.arrow === name;
      one.classList.toggle("chosen", chosen);
      one.setAttribute("aria-pressed", String(chosen));
    }
    by("explained").replaceChildren(...this.#words(name));
  }

  #words(name) {
    const context = this.chart.contexts.find((one) => one.name === name);
    if (context) return this.#ofContext(context);
    const fixed = WORDS[name] ?? ARROWS[name];
    if (fixed) return [h("h3", null, WORDS[name] ? fixed[0] : this.#titleOf(name)), h("p", null, fixed[1])];
    const [from, to] = name.split(" ");
    const events = this.chart.events.filter((event) => (to === "bus" ? event.by === from : event.heard[to]));
    const says = to === "bus" ? (event) => event.says : (event) => event.heard[to];
    return [h("h3", null, this.#titleOf(name)), this.#list(events, says)];
  }

  #titleOf(pair) {
    const [from, to] = pair.split(" ");
    const of = (name) => (WORDS[name]?.[0] ?? name);
    if (ARROWS[pair]) return `${of(from)} → ${of(to)}: ${this.#labelOf(pair)}`;
    return to === "bus" ? `What ${from} publishes` : `What ${to} hears, and does then`;
  }

  #ofContext({ name, says }) {
    const gives = this.chart.events.filter((event) => event.by === name);
    const hears = this.chart.events.filter((event) => event.heard[name]);
    return [
      h("h3", { class: `of ${name}` }, name),
      h("p", null, sentence(says.replace(/^\w+: /, ""))),
      h("div", { class: "columns" },
        h("div", null, h("h4", null, "Publishes"), this.#list(gives, (event) => event.says)),
        h("div", null, h("h4", null, "Hears, and does then"), this.#list(hears, (event) => event.heard[name]))),
    ];
  }

  #list(events, says) {
    return h("dl", { class: "says" }, events.flatMap((event) => [
      h("dt", null, h("code", { class: `type ${event.by}` }, event.type)),
      h("dd", null, says(event).replaceAll("`", "")),
    ]));
  }
}

const sentence = (text) => text[0].toUpperCase() + text.slice(1);
