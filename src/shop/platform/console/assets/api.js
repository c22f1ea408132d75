// Asking the shop: as staff, or as the customer whom the demo gives away.

const tokens = { staff: sessionStorage.getItem("staff"), customer: null };

export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

// For `catch`: null instead of what was refused; anything else is a fault of the page.
export function unlessRefused(error) {
  if (error instanceof Refused) return null;
  throw error;
}

export const known = () => tokens.staff !== null;

export function be(staff, customer = null) {
  tokens.staff = staff;
  tokens.customer = customer;
  if (!customer) sessionStorage.setItem("staff", staff);
}

export function forget() {
  tokens.staff = null;
  sessionStorage.removeItem("staff");
}

export async function ask(path, { as = "staff", method = "GET", body, headers = {} } = {}) {
  const sent = { ...headers };
  if (tokens[as]) sent.Authorization = `Bearer ${tokens[as]}`;
  if (body !== undefined) sent["Content-Type"] = "application/json";
  const asked = { method, headers: sent, cache: "no-cache", body: typeof body === "string" || body === undefined ? body : JSON.stringify(body) };
  const answer = await reached(path, asked);
  const text = await answer.text();
  const told = text && /json/.test(answer.headers.get("Content-Type") ?? "") ? JSON.parse(text) : null;
  if (!answer.ok) throw new Refused(answer.status, told?.detail ?? `the shop answered ${answer.status}`);
  return told;
}

async function reached(path, asked) {
  try {
    return await fetch(path, asked);
  } catch {
    throw new Refused(0, "the shop does not answer: try again");
  }
}

// Server-sent events, over fetch, because EventSource sends no token. Begins again whenever they break off; returns when
// the token is no longer good.
export async function follow(heard, link) {
  let after = 0;
  for (let wait = 500; ; wait = Math.min(wait * 2, 10_000)) {
    const answer = await reached(`/console/stream?after=${after}`, { headers: { Authorization: `Bearer ${tokens.staff}` } }).catch(() => null);
    if (answer?.status === 401 || answer?.status === 403) return;
    if (answer?.ok) {
      link(true);
      wait = 500;
      for await (const [kind, told] of messages(answer.body)) {
        if (kind === "moments") {
          heard(kind, told, after ? told[0].n - after - 1 : 0);
          after = told.at(-1).n;
        } else heard(kind, told);
      }
      link(false);
    }
    await new Promise((resume) => setTimeout(resume, wait));
  }
}

async function* messages(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read().catch(() => ({ done: true })); // it broke off
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        const kind = /^event: (.*)$/m.exec(part)?.[1];
        const data = /^data: (.*)$/m.exec(part)?.[1];
        if (kind && data) yield [kind, JSON.parse(data)];
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // else the connection would be kept
  }
}
