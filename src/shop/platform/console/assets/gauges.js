// Figures over time: who answers what orders reads, the breakers, and the deliveries on their way.

import { by, h, lasting, moment, s } from "./dom.js";

const REMEMBERED = 120; // ticks of a second
const LAYERS = [
  ["memory", "memory", "in this process"],
  ["redis", "Redis", "shared by all servers"],
  ["origin", "catalog", "asked over HTTP"],
  ["stale-if-error", "old copy", "the catalog did not answer"],
];
const STATES = {
  closed: ["M6 20h18M24 20h12M36 20h18", "calls go through"],
  open: ["M6 20h18M24 20 34 8M36 20h18", "calls are not made: there were five failures in a minute"],
  "half-open": ["M6 20h18M24 20 36 15M36 20h18", "one call is tried"],
};

export class Gauges {
  constructor() {
    this.reads = []; // per tick: layer → reads since the tick before
    this.waiting = [];
    this.before = null;
  }

  tick(figures) {
    const { reads } = figures;
    this.circuits = figures.circuits;
    if (this.before) {
      this.reads.push(Object.fromEntries(LAYERS.map(([layer]) => [layer, reads[layer] - this.before[layer]])));
      if (this.reads.length > REMEMBERED) this.reads.shift();
    }
    this.before = reads;
    this.waiting.push(figures.waiting);
    if (this.waiting.length > REMEMBERED) this.waiting.shift();
    by("layers").replaceChildren(...this.#layers(reads));
    by("switches").replaceChildren(...Object.keys(figures.circuits).map((to) => this.#breaker(to, figures)));
    by("backlog").replaceChildren(...this.#backlog(figures));
  }

  #layers(reads) {
    const all = LAYERS.reduce((sum, [layer]) => sum + reads[layer], 0);
    const share = (layer) => (all ? Math.round((100 * reads[layer]) / all) : 0);
    const shown = LAYERS.filter(([layer]) => layer !== "redis" || "redis" in this.circuits);
    return [
      this.#area(),
      h("dl", { class: "legend" }, shown.flatMap(([layer, name, says]) => [
        h("dt", null, h("i", { class: `key ${layer}` }), name), h("dd", null, `${share(layer)} %`, h("small", null, ` ${reads[layer]} · ${says}`)),
      ])),
    ];
  }

  // Reads a second, stacked by layer.
  #area() {
    const width = 300, height = 80;
    const most = Math.max(1, ...this.reads.map((tick) => LAYERS.reduce((sum, [layer]) => sum + tick[layer], 0)));
    const step = width / REMEMBERED;
    const offset = REMEMBERED - this.reads.length;
    const bars = this.reads.flatMap((tick, n) => {
      let y = height;
      return LAYERS.filter(([layer]) => tick[layer] > 0).map(([layer]) => {
        const tall = (tick[layer] / most) * (height - 4);
        y -= tall;
        return s("rect", { x: ((n + offset) * step).toFixed(1), y: y.toFixed(1), width: Math.max(step - 0.4, 1).toFixed(1), height: tall.toFixed(1), class: `key ${layer}` });
      });
    });
    return h("figure", null,
      s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Products read per second in the last two minutes, by who answered" },
        s("line", { x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5, class: "axis" }), ...bars),
      h("figcaption", null, `products read in each second of the last two minutes${this.reads.some((tick) => Object.values(tick).some(Boolean)) ? `, ${most} at most` : ""}`));
  }

  #breaker(to, { circuits, opened }) {
    const state = circuits[to];
    const [path, says] = STATES[state];
    return h("div", { class: `breaker ${state}` },
      s("svg", { viewBox: "0 0 60 32", "aria-hidden": "true" }, s("path", { d: path }), s("circle", { cx: 24, cy: 20, r: 3 }), s("circle", { cx: 36, cy: 20, r: 3 })),
      h("p", null, h("b", null, `${to}: ${state}`), h("br"), h("small", null, `${says}; opened ${opened[to]} ${opened[to] === 1 ? "time" : "times"}`)));
  }

  #backlog({ waiting, dead, due, at }) {
    const late = due ? moment(at) - moment(due) : 0;
    const oldest = !due ? "nothing waits" : late > 0 ? `the oldest is ${lasting(late)} late` : `the next is due in ${lasting(-late)}`;
    const most = Math.max(1, ...this.waiting);
    const width = 300, height = 48, step = width / (REMEMBERED - 1);
    const offset = REMEMBERED - this.waiting.length;
    const points = this.waiting.map((n, tick) => `${((tick + offset) * step).toFixed(1)},${(height - 2 - (n / most) * (height - 6)).toFixed(1)}`);
    return [
      h("p", { class: "figure" }, String(waiting), h("small", null, ` waiting · ${oldest}`)),
      h("figure", null,
        s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Deliveries waiting, in the last two minutes" },
          s("line", { x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5, class: "axis" }), s("polyline", { points: points.join(" "), class: "trace" })),
        h("figcaption", null, `waiting in the last two minutes${this.waiting.some(Boolean) ? `, ${most} at most` : ""}`)),
      h("p", null, h("small", null, dead ? `${dead} dead: see what failed` : "no dead letters")),
    ];
  }
}
