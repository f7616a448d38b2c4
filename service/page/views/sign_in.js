// Signing in: exchanges a token for a cookie that scripts can't read.

import { ask } from "../core/api.js";
import { showDialog } from "../core/dialogs.js";
import { el } from "../core/dom.js";

function form(done) {
  const token = el("input", { id: "token", name: "token", type: "password", autocomplete: "current-password", required: true });
  const fault = el("p", { class: "fault", role: "alert" });
  const send = async (event) => {
    event.preventDefault();
    try {
      await ask("/v1/session", "POST", { token: token.value });
      token.value = "";
      fault.textContent = "";
      done();
    } catch (problem) {
      fault.textContent = problem.message;
    }
  };
  return el("form", { class: "fields", id: "sign-in-form", onsubmit: send },
    el("input", { class: "visually-hidden", name: "name", autocomplete: "username", tabindex: "-1", "aria-hidden": "true" }),
    el("label", { class: "field" }, el("span", { class: "label" }, "Token"), token), fault,
    el("div", { class: "buttons" }, el("button", { class: "primary" }, "Sign in")),
    el("p", { class: "hint" }, "An administrator makes tokens: ", el("code", {}, "highwater tokens create --role observer --name you")));
}

/** The whole view, for whoever is not signed in yet. */
export function showSignIn(root, done) {
  root.className = "view-sign-in";
  root.replaceChildren(el("section", { class: "panel narrow" }, el("h1", {}, "Sign in"), form(done)));
  document.getElementById("token").focus();
}

/** Over a board that is old: what stands there stays readable. */
export function signInAgain(done) {
  if (document.querySelector("dialog #token")) return;
  const dialog = showDialog("Sign in again", [form(() => {
    dialog.close();
    done();
  })]);
  document.getElementById("token").focus();
}
