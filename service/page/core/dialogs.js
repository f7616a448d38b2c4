// Dialogs and short messages. A dialog is the browser's own: it keeps the focus inside and gives it back.

import { el } from "./dom.js";

let number = 0;

export function showDialog(title, content, buttons = []) {
  const id = `dialog-${++number}`;
  const dialog = el("dialog", { "aria-labelledby": id },
    el("h2", { id }, title), el("div", { class: "dialog-content" }, ...content),
    buttons.length ? null : el("div", { class: "buttons" }, el("button", { onclick: () => dialog.close() }, "Close")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Asks for some fields: [{ name, label, type, value, required, hint, options }]. `send(values)` does the work;
 * a fault that it throws is shown and the dialog stays.
 */
export function askFor(title, fields, verb, send) {
  const fault = el("p", { class: "fault", role: "alert" });
  const form = el("form", { method: "dialog", class: "fields" }, ...fields.map(field), fault,
    el("div", { class: "buttons" }, el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Cancel"), el("button", { class: "primary" }, verb)));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button.primary");
    button.disabled = true;
    try {
      await send(Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, typeof value === "string" ? value.trim() : value])));
      dialog.close();
    } catch (problem) {
      fault.textContent = problem.message;
    }
    button.disabled = false;
  });
  const dialog = showDialog(title, [form], ["own"]);
  form.querySelector("input, select, textarea")?.focus();
  return dialog;
}

export function field(one) {
  const { name, label, type = "text", value, required, hint, options, max = 200, ...more } = one;
  const shared = { name, required, ...more };
  const input = type === "select" ? el("select", shared, ...options.map(([key, text]) => el("option", { value: key, selected: key === value }, text)))
    : type === "area" ? el("textarea", { ...shared, rows: 4, maxlength: 10_000, value: value || "" })
    : type === "checkbox" ? el("input", { ...shared, type, checked: value })
    : el("input", { ...shared, type, value: value || "", maxlength: max });
  const text = el("span", { class: "label" }, label, required ? null : el("span", { class: "soft" }, type === "checkbox" ? "" : " (optional)"));
  const parts = type === "checkbox" ? [input, text] : [text, input];
  return el("label", { class: type === "checkbox" ? "check" : "field" }, ...parts, hint ? el("span", { class: "hint" }, hint) : null);
}

/** A short message at the edge, read out by screen readers. */
export function say(text, kind = "done") {
  const place = document.getElementById("messages");
  const message = el("p", { class: `message ${kind}` }, text);
  place.append(message);
  setTimeout(() => message.remove(), kind === "fault" ? 9000 : 4000);
}

/** Copies the text of an area; where the browser keeps its clipboard closed (no HTTPS), the older way, and else the text is selected. */
export function copyText(area) {
  return attempt(async () => {
    try {
      await navigator.clipboard.writeText(area.value);
    } catch {
      area.focus();
      area.select();
      if (!document.execCommand("copy")) throw new Error("The browser does not let a page copy here. The text is selected: press Ctrl+C.");
    }
    say("Copied.");
  });
}

/** What stands where a part could not be read: why, and a button that tries again. */
export function unread(fault, again) {
  return el("p", { class: "critical", key: "unread" }, `This could not be read: ${fault.message}. `, el("button", { class: "small", onclick: again }, "Try again"));
}

/** Does `job` and says what went wrong, if anything did. */
export async function attempt(job) {
  try {
    return await job();
  } catch (fault) {
    say(fault.message, "fault");
    return null;
  }
}
