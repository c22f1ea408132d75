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

const DENIED = [401, 403];

async function begin() {
  try {
    const demo = await ask("/console/demo").catch((error) => {
      if (error.status === 404) return null;
      throw error;
    });
    if (demo) be(demo.staff, demo.customer);
    if (known()) await open(await ask("/console/map"), demo);
    else askWho();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (DENIED.includes(error.status)) {
      forget();
      askWho(`${error.message}. Was it made with another SHOP_DATA, or has it run out?`);
      return;
    }
    by("link").textContent = error.message;
    setTimeout(begin, 2000);
  }
}

function askWho(why = "") {
  by("link").textContent = "not open";
  by("shop").hidden = true;
  by("sections").hidden = true;
  by("who").hidden = false;
  by("who-error").textContent = why;
  by("token").focus();
}

async function open(chart, demo) {
  by("who").hidden = true;
  by("sections").hidden = false;
  by("shop").hidden = false;
  by("shop").classList.toggle("alone", !demo);
  by("store").hidden = !demo;
  const journeys = new Journeys();
  const order = new OrderShown(journeys, chart);
  const store = demo ? new Store(demo, order) : null;
  const map = new MapOfContexts(chart);
  const failures = new Failures(chart, demo, { order, broken: (names) => map.broken(names) });
  const gauges = new Gauges();
  const list = new EventList(journeys, order);
  const heard = (kind, told, leftOut) => {
    if (kind === "figures") {
      gauges.tick(told);
      map.tick(told);
      failures.tick(told);
      return;
    }
    if (leftOut) by("left-out").textContent = "Too much happened at once: some of it is not shown.";
    const changed = journeys.add(told);
    map.heard(told);
    list.heard(changed);
    order.heard(changed);
    failures.heard(told);
    store?.heard(told);
  };
  await Promise.all([store?.fill(), failures.load()]);
  await follow(heard, (up) => {
    by("link").textContent = up ? "live" : "the shop does not answer …";
    by("link").classList.toggle("up", up);
    by("shop").classList.toggle("down", !up);
  });
  forget();
  location.reload(); // the token has run out
}

by("who").addEventListener("submit", (event) => {
  event.preventDefault();
  be(by("token").value.trim());
  by("token").value = "";
  begin();
});

begin();
