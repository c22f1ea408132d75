// What became of each event, put together from the moments that the shop tells.

import { contextOf, moment } from "./dom.js";

const KEPT = 3000;

export const orderOf = (event) => event.orderId ?? (event.subject.startsWith("ord_") ? event.subject : null);

// How a delivery came to be made in the end.
export const retried = (state, failures) =>
  state === "delivered" && failures ? `, after ${failures} failed ${failures === 1 ? "attempt" : "attempts"}` : "";

export class Journeys {
  constructor() {
    this.events = new Map(); // id → journey, oldest first
    this.byOrder = new Map(); // order → ids of its events
    this.count = 0;
  }

  // Moments as they came; the journeys that changed.
  add(moments) {
    const changed = new Set();
    for (const told of moments) changed.add(this.#add(told));
    while (this.events.size > KEPT) this.#forget(this.events.keys().next().value);
    return changed;
  }

  of(order) {
    return [...(this.byOrder.get(order) ?? [])].map((id) => this.events.get(id)).filter(Boolean);
  }

  #add(told) {
    const { event } = told;
    let journey = this.events.get(event.id);
    if (!journey) {
      const order = orderOf(event);
      journey = { event, order, by: contextOf(event), at: moment(event.time), published: null, to: new Map() };
      this.events.set(event.id, journey);
      this.count += 1;
      if (order) {
        if (!this.byOrder.has(order)) this.byOrder.set(order, new Set());
        this.byOrder.get(order).add(event.id);
      }
    }
    if (told.what === "published") journey.published ??= moment(told.at);
    else if (told.what !== "committed") {
      const before = journey.to.get(told.consumer);
      const failures = (before?.failures ?? 0) + (told.what === "failed" || told.what === "dead" ? 1 : 0);
      journey.to.set(told.consumer, {
        state: told.what,
        at: moment(told.at),
        attempts: told.attempts,
        againIn: told.againIn,
        reason: told.reason,
        failures,
      });
    }
    return journey;
  }

  #forget(id) {
    const { order } = this.events.get(id);
    this.events.delete(id);
    const ids = this.byOrder.get(order);
    ids?.delete(id);
    if (ids?.size === 0) this.byOrder.delete(order);
  }
}
