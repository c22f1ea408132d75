// Elements, without a framework: h("p", { class: "soft" }, "text", more) and the same for SVG.

const SVG = "http://www.w3.org/2000/svg";

function made(element, given, children) {
  for (const [name, value] of Object.entries(given ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

export const h = (tag, given, ...children) => made(document.createElement(tag), given, children);
export const s = (tag, given, ...children) => made(document.createElementNS(SVG, tag), given, children);
export const by = (id) => document.getElementById(id);

// New children for old ones; who was on one of them (`data-key`) stays on it, and what was opened stays open.
export function redraw(place, ...children) {
  const on = place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const open = new Set([...place.querySelectorAll("details[open]")].map((one) => one.dataset.key));
  place.replaceChildren(...children.flat().filter((child) => child != null && child !== false && child !== ""));
  for (const one of place.querySelectorAll("details")) one.open = open.has(one.dataset.key);
  if (on) place.querySelector(`[data-key="${CSS.escape(on)}"]`)?.focus({ preventScroll: true });
}

// Says something to who cannot see it happen.
export function say(text) {
  by("said").textContent = text;
}

// A box or an arrow that can be chosen: with a pointer, or with Enter and Space.
export function choosable(element, label, choose) {
  element.setAttribute("tabindex", "0");
  element.setAttribute("role", "button");
  element.setAttribute("aria-label", label);
  element.addEventListener("click", choose);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose();
    }
  });
  return element;
}

const EXACT = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

export const clockTime = (ms) => EXACT.format(ms);
export const short = (id) => (id.length > 14 ? `${id.slice(0, 4)}…${id.slice(-6)}` : id);
export const contextOf = (event) => event.source.split("/").at(-1);

// 0.4 ms, 12 ms, 3.1 s, 4 min
export function lasting(ms) {
  if (ms < 10) return `${Math.max(ms, 0).toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}

// Microseconds count here, and Date drops them.
export function moment(text) {
  const micros = /\.\d{3}(\d+)/.exec(text)?.[1] ?? "";
  return Date.parse(text) + (micros ? Number(`0.${micros}`) : 0);
}

const inCurrency = (currency) => new Intl.NumberFormat(undefined, { style: "currency", currency });

export const money = (amount, currency) => inCurrency(currency).format(amount);
export const digitsOf = (currency) => inCurrency(currency).resolvedOptions().maximumFractionDigits;
