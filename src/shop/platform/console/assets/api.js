// Asking the shop: as staff, or as the customer whom the demo gives away.

const tokens = { staff: sessionStorage.getItem("staff"), customer: null };

export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
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
  const answer = await fetch(path, {
    method,
    headers: sent,
    body: typeof body === "string" || body === undefined ? body : JSON.stringify(body),
  });
  const text = await answer.text();
  const told = text && /json/.test(answer.headers.get("Content-Type") ?? "") ? JSON.parse(text) : null;
  if (!answer.ok) throw new Refused(answer.status, told?.detail ?? `the shop answered ${answer.status}`);
  return told;
}

// Server-sent events, over fetch, because EventSource sends no token. Begins again whenever it breaks off.
export async function follow(heard, link) {
  let after = 0;
  for (let wait = 500; ; wait = Math.min(wait * 2, 10_000)) {
    try {
      const answer = await fetch(`/console/stream?after=${after}`, { headers: { Authorization: `Bearer ${tokens.staff}` } });
      if (answer.status === 401 || answer.status === 403) {
        link(false);
        return;
      }
      if (!answer.ok) throw new Refused(answer.status, "no stream");
      link(true);
      wait = 500;
      for await (const [kind, told] of messages(answer.body)) {
        if (kind === "moments") after = told.at(-1).n;
        heard(kind, told);
      }
    } catch (error) {
      if (!(error instanceof Refused || error instanceof TypeError)) throw error;
    }
    link(false);
    await new Promise((resume) => setTimeout(resume, wait));
  }
}

async function* messages(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const kind = /^event: (.*)$/m.exec(part)?.[1];
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (kind && data) yield [kind, JSON.parse(data)];
    }
  }
}
