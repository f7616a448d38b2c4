// Talks to the monitor. Unsafe requests carry a header that pages of other sites can't send.

export class Fault extends Error {
  constructor(status, detail, retryAfterS = null) {
    super(detail);
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

const TIMEOUT_MS = 20_000;
const listeners = new Set();

/** Hears of each answer that says the sign-in is over. */
export function onSignedOut(listener) {
  listeners.add(listener);
}

export async function faultOf(answer) {
  const problem = (answer.headers.get("content-type") || "").includes("json") ? await answer.json().catch(() => ({})) : {};
  const wait = Number(answer.headers.get("retry-after"));
  return new Fault(answer.status, problem.detail || `the monitor answered ${answer.status}`, Number.isFinite(wait) && wait > 0 ? wait : null);
}

export async function ask(path, method = "GET", body = undefined) {
  const headers = { "X-Highwater": "page" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const options = { method, headers, body: body === undefined ? undefined : JSON.stringify(body), credentials: "same-origin" };
  const answer = await fetch(path, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(() => {
    throw new Fault(0, "no answer from the server");
  });
  if (answer.status === 401 && path !== "/v1/session") for (const listener of listeners) listener();
  if (!answer.ok) throw await faultOf(answer);
  if (answer.status === 204) return null;
  if (!(answer.headers.get("content-type") || "").includes("json")) throw new Fault(answer.status, "the answer is not from the monitor");
  return answer.json();
}

/** What the monitor answers as text. */
export async function askText(path) {
  const answer = await fetch(path, { credentials: "same-origin", signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(() => {
    throw new Fault(0, "no answer from the server");
  });
  if (!answer.ok) throw await faultOf(answer);
  return answer.text();
}

export function withQuery(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

/** Every item of a list, page after page, up to `most`. */
export async function all(path, query = {}, most = 2000) {
  const items = [];
  let cursor = null;
  do {
    const page = await ask(withQuery(path, { limit: Math.min(500, most), ...query, cursor }));
    items.push(...page.items);
    cursor = page.next;
  } while (cursor && items.length < most);
  return items;
}

export const pathOf = (...parts) => parts.map((part, index) => (index ? encodeURIComponent(part) : part)).join("/");
