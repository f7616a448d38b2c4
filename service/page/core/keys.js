// Keys: each view names its own, `?` lists all of them, and none works while somebody writes.

import { el } from "./dom.js";
import { showDialog } from "./dialogs.js";

const groups = new Map();
let prefix = null, prefixTimer = null;

/** Keys of one group, such as "Go to": [{ key, text, act }]; a key may be two letters, pressed one after the other. */
export function setKeys(group, keys) {
  if (keys.length) groups.set(group, keys);
  else groups.delete(group);
}

function writes(node) {
  return node instanceof HTMLElement && (node.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(node.tagName));
}

function find(typed) {
  for (const keys of groups.values()) for (const one of keys) if (one.key === typed) return one;
  return null;
}

const begins = (typed) => [...groups.values()].flat().some((one) => one.key.length > 1 && one.key.startsWith(`${typed} `));

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (document.querySelector("dialog[open]")) return;
  if (writes(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const typed = prefix ? `${prefix} ${event.key}` : event.key;
  prefix = null;
  clearTimeout(prefixTimer);
  const found = find(typed);
  if (found) {
    event.preventDefault();
    found.act(event);
  } else if (begins(typed)) {
    prefix = typed;
    prefixTimer = setTimeout(() => (prefix = null), 1500);
  }
}

export function showKeys() {
  const parts = [...groups].map(([name, keys]) => [
    el("h3", {}, name),
    el("dl", { class: "keys" }, ...keys.flatMap((one) => [el("dt", {}, ...one.key.split(" ").flatMap((key) => [el("kbd", {}, key), " "])), el("dd", {}, one.text)])),
  ]);
  showDialog("Keys", parts.flat());
}

/** A menu closes by a click elsewhere or on one of its actions, and by Escape, which leaves the focus on its button. */
function closeMenus(event) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    const isInside = menu.contains(event.target);
    if (event.type === "keydown" ? event.key !== "Escape" : isInside && !event.target.closest(".actions button")) continue;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
}

export function startKeys() {
  document.addEventListener("keydown", closeMenus);
  document.addEventListener("click", closeMenus, { capture: true });
  document.addEventListener("keydown", pressed);
  setKeys("Everywhere", [{ key: "?", text: "list the keys", act: showKeys }]);
}
