// Follows the event stream and shows its state truthfully: after any fault it connects again by itself and first reads the lists again.

import { Fault, faultOf } from "./api.js";

const SILENCE_MS = 40_000;
const SIGNED_OUT_RETRY_S = 15;
const LONGEST_WAIT_S = 15;

export class Connection {
  /** `load` reads the lists and gives the event id to go on from; `onEvent(kind, record)` takes one event; `say(state)` shows the state to the reader. */
  constructor({ load, onEvent, say }) {
    Object.assign(this, { load, onEvent, say });
    this.state = { kind: "connecting", since: Date.now() };
    this.eventId = null;
    this.failures = 0;
    this.heardAt = null;
    this.stopped = false;
  }

  start() {
    this.run();
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
    setInterval(() => this.watch(), 1000);
  }

  stop() {
    this.stopped = true;
    this.abort?.abort();
  }

  /** Try at once instead of at the end of the wait. */
  hurry() {
    if (this.state.kind !== "live") this.wake?.();
  }

  async run() {
    while (!this.stopped) {
      let wait = 0.5;
      try {
        await this.attempt();
      } catch (fault) {
        wait = this.failed(fault);
      }
      if (!this.stopped) await this.pause(wait * 1000);
    }
  }

  async attempt() {
    this.abort = new AbortController();
    this.heardAt = Date.now();
    if (this.eventId === null || this.failures > 0) this.eventId = await this.load();
    const path = `/v1/stream?last_event_id=${encodeURIComponent(this.eventId)}`;
    const options = { headers: { "X-Highwater": "page", Accept: "text/event-stream" }, credentials: "same-origin", signal: this.abort.signal };
    const answer = await fetch(path, options);
    if (!answer.ok) throw await faultOf(answer);
    if (!(answer.headers.get("content-type") || "").startsWith("text/event-stream")) throw new Fault(answer.status, "the answer is not from the monitor");
    await this.read(answer.body.getReader());
    throw new Fault(0, "the connection ended");
  }

  async read(reader) {
    const decoder = new TextDecoder();
    let waiting = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.alive();
      waiting += decoder.decode(value, { stream: true });
      const blocks = waiting.split("\n\n");
      waiting = blocks.pop();
      for (const block of blocks) this.take(block);
    }
  }

  take(block) {
    let kind = "message", data = "";
    for (const line of block.split("\n")) {
      if (line.startsWith("id: ")) this.eventId = line.slice(4);
      else if (line.startsWith("event: ")) kind = line.slice(7);
      else if (line.startsWith("data: ")) data += line.slice(6);
    }
    if (data) this.onEvent(kind, JSON.parse(data));
  }

  alive() {
    this.heardAt = Date.now();
    this.failures = 0;
    if (this.state.kind !== "live") this.report({ kind: "live" });
  }

  /** Notes a fault; seconds until the next attempt. */
  failed(fault) {
    this.failures += 1;
    if (fault.status === 401) {
      this.report({ kind: "signed-out" });
      return SIGNED_OUT_RETRY_S;
    }
    if ([400, 404, 410, 422].includes(fault.status)) this.eventId = null;
    const backed = Math.min(LONGEST_WAIT_S, 2 ** Math.min(this.failures - 1, 4)) * (0.75 + Math.random() / 2);
    const wait = Math.min(LONGEST_WAIT_S, Math.max(backed, fault.retryAfterS || 0));
    this.report({ kind: "waiting", reason: fault instanceof Fault ? fault.message : "no answer from the server", until: Date.now() + wait * 1000 });
    return wait;
  }

  report(state) {
    const same = this.state.kind === state.kind || (this.state.kind !== "live" && state.kind !== "live");
    this.state = { ...state, since: same ? this.state.since : Date.now() };
    this.say(this.state);
  }

  /** A stream that brings not even signs of life is no stream. */
  watch() {
    if (this.state.kind === "live" && Date.now() - this.heardAt > SILENCE_MS) this.abort.abort(new Fault(0, "nothing came from the server"));
    if (this.state.kind !== "live") this.say(this.state);
  }

  pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
