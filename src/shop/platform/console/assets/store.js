// A small storefront: what a customer's page would ask of the shop, and nothing else.

import { ask, Refused } from "./api.js";
import { by, h, money, s, say, short } from "./dom.js";
import { orderOf } from "./journeys.js";

const SHELF = 6;

export class Store {
  constructor(demo, shown) {
    this.demo = demo;
    this.shown = shown;
    this.basket = new Map(); // product id → [product, quantity]
    this.orders = new Map(); // order id → order as it was last seen, newest last
    this.points = null;
    this.error = "";
    by("customer").textContent = demo.customerId;
  }

  async fill() {
    const { data } = await ask(`/products?ids=${this.demo.products.map(encodeURIComponent).join(",")}`, { as: "customer" });
    const articles = new Map(data.filter(({ inStock }) => inStock).map((product) => [product.groupId ?? product.productId, product]));
    by("shelf").replaceChildren(...[...articles.values()].slice(0, SHELF).map((product) => this.#card(product)));
    await this.#account();
    this.#draw();
  }

  heard(moments) {
    for (const { event, what, consumer } of moments) {
      const order = orderOf(event);
      if (what === "delivered" && consumer === "orders" && this.orders.has(order)) this.#read(order);
      if (event.type.startsWith("reward.") && what === "committed" && event.subject === this.demo.customerId) this.#account();
    }
  }

  #card(product) {
    const price = product.discountedPrice ?? product.basePrice;
    return h("article", { class: "product" },
      picture(product.productId),
      h("h3", null, product.name),
      h("p", null, money(price, product.currency), product.discountedPrice ? h("s", null, money(product.basePrice, product.currency)) : ""),
      h("button", { "aria-label": `Add ${product.name}`, onclick: () => this.#add(product) }, "Add"));
  }

  #add(product) {
    const [, before] = this.basket.get(product.productId) ?? [null, 0];
    this.basket.set(product.productId, [product, before + 1]);
    say(`${product.name} is in the basket`);
    this.#draw();
  }

  async #order() {
    const items = [...this.basket.values()].map(([{ productId }, quantity]) => ({ productId, quantity }));
    const order = await this.#tried(() => ask("/orders", { as: "customer", method: "POST", body: { items }, headers: { "Idempotency-Key": key() } }));
    if (!order) return;
    this.basket.clear();
    this.orders.set(order.orderId, order);
    say("The order is placed");
    this.#draw();
    this.shown.show(order.orderId);
    this.#read(order.orderId);
  }

  // What the payment provider does: it signs what it says, and tells the webhook.
  async #pay({ orderId, toPay, currency }) {
    const body = JSON.stringify({ paymentId: `pay_${key()}`, orderId, amount: toPay, currency, status: "completed" });
    await this.#tried(async () => {
      const { signature } = await ask("/console/demo/signatures", { method: "POST", body: { body } });
      await ask("/payments/webhook", { as: "nobody", method: "POST", body, headers: { "Payment-Signature": signature } });
    });
    this.#draw();
  }

  async #read(orderId) {
    const order = await this.#tried(() => ask(`/orders/${orderId}`, { as: "customer" }));
    if (!order) return;
    const before = this.orders.get(orderId)?.status;
    this.orders.set(orderId, order);
    if (before !== order.status) say(`Order ${order.status}`);
    this.#draw();
  }

  async #account() {
    const account = await this.#tried(() => ask(`/rewards/${this.demo.customerId}`, { as: "customer" }));
    this.points = account?.balance ?? 0;
    this.#draw();
  }

  async #tried(act) {
    try {
      this.error = "";
      return await act();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status !== 404) this.error = error.message; // no account yet
      this.#draw();
      return null;
    }
  }

  #draw() {
    const lines = [...this.basket.values()];
    by("basket").replaceChildren(
      lines.length
        ? h("div", null,
            h("ul", null, lines.map(([{ productId, name }, quantity]) => h("li", null, `${quantity} × ${name} `,
              h("button", { class: "link-like", "aria-label": `Take out ${name}`, onclick: () => { this.basket.delete(productId); this.#draw(); } }, "take out")))),
            h("button", { class: "main", id: "place", onclick: () => this.#order() }, "Place the order"))
        : h("p", { class: "soft" }, "The basket is empty."),
      this.error ? h("p", { class: "error", role: "alert" }, this.error) : "",
    );
    by("bought").replaceChildren(
      h("p", { class: "points" }, h("b", { id: "points" }, String(this.points ?? 0)), " points"),
      ...[...this.orders.values()].reverse().slice(0, 5).map((order) => this.#bought(order)),
    );
  }

  #bought(order) {
    const { orderId, status, total, currency, toPay, reason } = order;
    const payable = status === "pending" || status === "confirmed";
    return h("article", { class: "order", "data-order": orderId },
      h("p", null, h("span", { class: `status ${status}` }, status), " ", money(total, currency), reason ? h("small", null, ` ${reason.replaceAll("_", " ")}`) : ""),
      h("p", { class: "row" },
        payable ? h("button", { class: "main pay", onclick: (event) => { event.target.disabled = true; this.#pay(order); } }, `Pay ${money(toPay, currency)}`) : "",
        h("button", { class: "link-like", title: orderId, onclick: () => this.shown.show(orderId, { look: true }) }, `where ${short(orderId)} went`)));
  }
}

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
