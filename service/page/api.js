// Talks to the monitor. Unsafe requests carry a header that pages of other sites can't send.

export class Fault extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export async function ask(path, method = "GET", body = undefined) {
  const headers = { "X-Highwater": "page" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), credentials: "same-origin" });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Fault(answer.status, problem.detail || answer.statusText);
  }
  return answer.status === 204 ? null : answer.json();
}

export async function all(path, most = 2000) {
  const items = [];
  let cursor = null;
  do {
    const mark = path.includes("?") ? "&" : "?";
    const page = await ask(`${path}${mark}limit=500${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    items.push(...page.items);
    cursor = page.next;
  } while (cursor && items.length < most);
  return items;
}
