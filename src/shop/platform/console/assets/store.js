// A small storefront: what a customer's page would ask of the shop, and nothing else.

import { ask, Refused, unlessRefused } from "./api.js";
import { by, digitsOf, h, money, redraw, s, say, short } from "./dom.js";
import { orderOf } from "./journeys.js";

const SHELF = 6;
const ORDERS = 3;
const DIFFERS = 409; // from what the customer was shown
const WAITING = {
  pending: "Its goods are not set aside yet.",
  confirmed: "Its goods are set aside. It expires if nobody pays within half an hour.",
};

export class Store {
  constructor(demo, shown) {
    this.demo = demo;
    this.shown = shown;
    this.articles = new Map(); // product id → product, as it is sold now
    this.basket = new Map(); // product id → quantity
    this.key = key(); // of the order that the basket becomes: sent again, it is the same order
    this.placing = false;
    this.orders = new Map(); // order id → order as it was last seen, newest last
    this.payments = new Map(); // order id → what the payment provider is to say, and whether the shop has heard it
    this.points = 0;
    this.error = "";
    by("customer").textContent = demo.customerId;
  }

  async fill() {
    await this.#stock();
    const before = await ask(`/orders?limit=${ORDERS}`, { as: "customer" });
    for (const order of before.data.reverse()) this.orders.set(order.orderId, order);
    await this.#account();
    this.#draw();
  }

  async #stock() {
    const { data } = await ask(`/products?ids=${this.demo.products.map(encodeURIComponent).join(",")}`, { as: "customer" });
    this.articles = new Map(data.map((product) => [product.productId, product]));
    const shelf = new Map(data.filter(({ inStock }) => inStock).map((product) => [product.groupId ?? product.productId, product]));
    redraw(by("shelf"), [...shelf.values()].slice(0, SHELF).map((product) => this.#card(product)));
  }

  heard(moments) {
    for (const { event, what, consumer } of moments) {
      const order = orderOf(event);
      if (what === "delivered" && consumer === "orders" && this.orders.has(order)) this.#read(order);
      if (event.type.startsWith("reward.") && what === "committed" && event.subject === this.demo.customerId) this.#account();
    }
  }

  #card(product) {
    return h("article", { class: "product" },
      picture(product.productId),
      h("h3", null, product.name),
      h("p", null, money(priceOf(product), product.currency), product.discountedPrice ? h("s", null, money(product.basePrice, product.currency)) : ""),
      h("button", { "aria-label": `Add ${product.name}`, "data-key": `add ${product.productId}`, onclick: () => this.#add(product) }, "Add"));
  }

  #add(product) {
    this.basket.set(product.productId, (this.basket.get(product.productId) ?? 0) + 1);
    this.key = key();
    say(`${product.name} is in the basket`);
    this.#draw();
  }

  #takeOut(productId) {
    this.basket.delete(productId);
    this.key = key();
    this.#draw();
  }

  async #order() {
    if (this.placing) return;
    this.placing = true;
    this.#draw();
    const items = [...this.basket].map(([productId, quantity]) => ({ productId, quantity }));
    const body = { items, expectedTotal: this.#sum()?.amount };
    const order = await this.#tried(() => ask("/orders", { as: "customer", method: "POST", body, headers: { "Idempotency-Key": this.key } }));
    this.placing = false;
    if (order) {
      this.basket.clear();
      this.key = key();
      this.orders.set(order.orderId, order);
      say("The order is placed");
      this.shown.show(order.orderId);
      this.#read(order.orderId);
    }
    this.#draw();
    if (document.activeElement === document.body) by("bought").querySelector("button")?.focus({ preventScroll: true });
  }

  // What the payment provider does: it signs what it says, and tells the webhook. Said again, it is the same payment.
  async #pay({ orderId, toPay, currency }) {
    const payment = this.payments.get(orderId) ?? { body: JSON.stringify({ paymentId: `pay_${key()}`, orderId, amount: toPay, currency, status: "completed" }) };
    payment.told = true;
    this.payments.set(orderId, payment);
    this.#draw();
    const done = await this.#tried(async () => {
      const { signature } = await ask("/console/demo/signatures", { method: "POST", body: { body: payment.body } });
      await ask("/payments/webhook", { as: "nobody", method: "POST", body: payment.body, headers: { "Payment-Signature": signature } });
      return true;
    });
    payment.told = Boolean(done);
    this.#draw();
  }

  async #read(orderId) {
    const order = await ask(`/orders/${orderId}`, { as: "customer" }).catch(unlessRefused); // else it is read again at the next event
    if (!order) return;
    const before = this.orders.get(orderId)?.status;
    this.orders.set(orderId, order);
    if (before !== order.status) say(`Order ${order.status}`);
    this.#draw();
  }

  async #account() {
    const account = await ask(`/rewards/${this.demo.customerId}`, { as: "customer" }).catch(unlessRefused);
    this.points = account?.balance ?? this.points;
    this.#draw();
  }

  async #tried(act) {
    try {
      this.error = "";
      return await act();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.error = error.message;
      if (error.status === DIFFERS) await this.#stock().catch(unlessRefused); // the prices have changed
      return null;
    }
  }

  // What the basket costs as it is shown: the order is refused if it would cost something else.
  #sum() {
    const lines = [...this.basket].map(([productId, quantity]) => [this.articles.get(productId), quantity]);
    const currencies = new Set(lines.map(([product]) => product?.currency));
    if (currencies.size !== 1 || currencies.has(undefined)) return null; // the shop refuses it, and says why
    const [currency] = currencies;
    const sum = lines.reduce((all, [product, quantity]) => all + quantity * priceOf(product), 0);
    return { amount: sum.toFixed(digitsOf(currency)), currency };
  }

  #draw() {
    const sum = this.#sum();
    redraw(by("basket"),
      this.basket.size ? [
        h("ul", null, [...this.basket].map(([productId, quantity]) => this.#line(productId, quantity))),
        sum ? h("p", { class: "sum" }, "Together ", h("b", null, money(sum.amount, sum.currency))) : "",
        h("button", { class: "main", id: "place", "data-key": "place", "aria-disabled": String(this.placing), onclick: () => this.#order() }, this.placing ? "…" : "Place the order"),
      ] : h("p", { class: "soft" }, "The basket is empty."),
      this.error ? h("p", { class: "error", role: "alert" }, `${this.error}.`) : "");
    redraw(by("bought"),
      h("p", { class: "points" }, h("b", { id: "points" }, String(this.points)), " points"),
      [...this.orders.values()].reverse().slice(0, ORDERS).map((order) => this.#bought(order)));
  }

  #line(productId, quantity) {
    const name = this.articles.get(productId)?.name ?? productId;
    return h("li", null, `${quantity} × ${name} `,
      h("button", { class: "link-like", "data-key": `out ${productId}`, "aria-label": `Take out ${name}`, onclick: () => this.#takeOut(productId) }, "take out"));
  }

  #bought(order) {
    const { orderId, status, total, currency, toPay, reason, owedBack } = order;
    const waits = status === "pending" || status === "confirmed";
    const paid = this.payments.get(orderId)?.told || order.timeline?.some(({ what }) => what === "payment.completed");
    const said = waits && paid ? "Paid. It is completed when orders has heard that, and its goods are set aside." : WAITING[status];
    return h("article", { class: "order", "data-order": orderId },
      h("p", null, h("span", { class: `status ${status}` }, status), " ", money(total, currency), reason ? h("small", null, ` ${reason.replaceAll("_", " ")}`) : ""),
      said ? h("p", null, h("small", null, said)) : "",
      Number(owedBack ?? 0) ? h("p", null, h("small", null, `${money(owedBack, currency)} is owed back.`)) : "",
      h("p", { class: "row" },
        waits && !paid ? h("button", { class: "main pay", "data-key": `pay ${orderId}`, onclick: () => this.#pay(order) }, `Pay ${money(toPay, currency)}`) : "",
        h("button", { class: "link-like", "data-key": `where ${orderId}`, title: orderId, onclick: () => this.shown.show(orderId, { look: true }) }, `where ${short(orderId)} went`)));
  }
}

const priceOf = ({ basePrice, discountedPrice }) => discountedPrice ?? basePrice;

function key() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// A picture that is always the same for the same product.
function picture(id) {
  let seed = 7;
  for (const letter of id) seed = (seed * 31 + letter.charCodeAt(0)) % 99_991;
  const next = (most) => { seed = (seed * 7919 + 13) % 99_991; return seed % most; };
  const hue = next(360);
  const colour = (light, turn = 0) => `hsl(${(hue + turn) % 360} 55% ${light}%)`;
  const shapes = [0, 1, 2].map((n) => s("circle", { cx: 20 + next(80), cy: 12 + next(36), r: 10 + next(16), fill: colour(52 + 9 * n, 28 * n), opacity: "0.85" }));
  return s("svg", { viewBox: "0 0 120 60", class: "tile", "aria-hidden": "true" }, s("rect", { width: 120, height: 60, fill: colour(82) }), ...shapes);
}
