// The console: who looks on, and which part of the page hears what.

import { ask, be, follow, forget, known, Refused } from "./api.js";
import { by } from "./dom.js";
import { EventList } from "./events.js";
import { Failures } from "./failures.js";
import { Gauges } from "./gauges.js";
import { Journeys } from "./journeys.js";
import { MapOfContexts } from "./map.js";
import { OrderShown } from "./order.js";
import { Store } from "./store.js";

async function begin() {
  const demo = await ask("/console/demo").catch((error) => {
    if (error instanceof Refused) return null;
    throw error;
  });
  if (demo) be(demo.staff, demo.customer);
  if (!known()) {
    askWho();
    return;
  }
  try {
    await open(await ask("/console/map"), demo);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    forget();
    askWho(error.message);
  }
}

function askWho(why = "") {
  by("link").textContent = "not open";
  by("shop").hidden = true;
  by("who").hidden = false;
  by("who-error").textContent = why;
  by("token").focus();
}

async function open(chart, demo) {
  by("who").hidden = true;
  by("shop").hidden = false;
  by("shop").classList.toggle("alone", !demo);
  by("store").hidden = !demo;
  const journeys = new Journeys();
  const order = new OrderShown(journeys);
  const store = demo ? new Store(demo, order) : null;
  const failures = new Failures(chart, demo);
  const map = new MapOfContexts(chart, failures);
  const gauges = new Gauges();
  const list = new EventList(journeys, order);
  const heard = (kind, told) => {
    if (kind === "figures") {
      gauges.tick(told);
      map.tick(told);
      failures.tick(told);
      return;
    }
    const changed = journeys.add(told);
    map.heard(told);
    list.heard(changed);
    order.heard(changed);
    failures.heard(told);
    store?.heard(told);
  };
  await Promise.all([store?.fill(), failures.load()]);
  await follow(heard, (up) => {
    by("link").textContent = up ? "live" : "connecting …";
    by("link").classList.toggle("up", up);
  });
  forget();
  begin(); // the token has run out
}

by("who").addEventListener("submit", (event) => {
  event.preventDefault();
  be(by("token").value.trim());
  by("token").value = "";
  begin();
});

begin();
