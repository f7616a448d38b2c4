// Deep links: each view has an address, and links inside the page change the view without loading it again.

import { el } from "./dom.js";

const routes = [];
let shown = null;

/** `/incident/:id` → a view: a function of (root, params) that gives { update?, leave? }. */
export function route(pattern, name, view) {
  const names = [];
  const source = pattern.replace(/:(\w+)/g, (_, part) => (names.push(part), "([^/]+)"));
  routes.push({ expression: new RegExp(`^${source}/?$`), names, name, view });
}

export function match(path) {
  for (const one of routes) {
    const found = one.expression.exec(path);
    if (found) return { ...one, params: Object.fromEntries(one.names.map((name, index) => [name, decoded(found[index + 1])])) };
  }
  return null;
}

/** A part of an address; one that is no sound percent encoding stays as it is. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function query() {
  return Object.fromEntries(new URLSearchParams(location.search));
}

/** Changes the address's query without a step in the history. */
export function setQuery(changed) {
  const wanted = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changed)) value === null || value === "" ? wanted.delete(name) : wanted.set(name, value);
  const text = wanted.toString();
  history.replaceState(null, "", text ? `${location.pathname}?${text}` : location.pathname);
}

export function go(address) {
  history.pushState(null, "", address);
  show();
}

/** Shows the view of the present address in `#main`; `start` names what is shown at `/` and at unknown addresses. */
export function show() {
  const found = match(location.pathname);
  shown?.leave?.();
  const root = document.getElementById("main");
  root.replaceChildren();
  root.className = `view-${found ? found.name : "missing"}`;
  shown = found ? found.view(root, found.params) : null;
  if (!found) root.append(el("h1", {}, "There is no such page"), el("p", { class: "empty" }, "The address may be incomplete. Choose a view above, or ", el("a", { href: "/" }, "go to the start"), "."));
  onShown(found ? found.name : null);
  scrollTo(0, 0);
}

let onShown = () => {};

export function startRouter(listener) {
  onShown = listener;
  addEventListener("popstate", show);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='/']");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || link.target || link.hasAttribute("download")) return;
    const address = new URL(link.href);
    if (!match(address.pathname)) return;
    event.preventDefault();
    go(address.pathname + address.search);
  });
  show();
}
