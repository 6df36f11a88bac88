/**
 * What every page has: the theme, the language, the line that says that the server is away.
 */
import { say } from "./words.js";

const THEMES = ["auto", "light", "dark"];
const root = document.documentElement;
const toggle = document.getElementById("theme-toggle");

function showTheme() {
  if (!toggle) return;
  toggle.hidden = false;
  toggle.textContent = say(`web.js.theme.${root.dataset.theme}`);
}

toggle?.addEventListener("click", () => {
  const next = THEMES[(THEMES.indexOf(root.dataset.theme ?? "auto") + 1) % THEMES.length];
  root.dataset.theme = next;
  document.cookie = `huohou_theme=${next}; path=/; max-age=31536000; samesite=strict`;
  showTheme();
  dispatchEvent(new Event("themechange"));
});
showTheme();

// Once chosen, the language is in the cookie: an address that is passed on does not carry it, nor
// a token that was refused.
const here = new URL(location.href);
for (const name of ["lang", "theme", "token"]) here.searchParams.delete(name);
if (here.href !== location.href) history.replaceState(history.state, "", here);

document.getElementById("lang-toggle")?.addEventListener("click", (event) => {
  event.preventDefault(); // what the page put into its address since it was loaded is kept
  const there = new URL(location.href);
  there.searchParams.set("lang", /** @type {HTMLElement} */ (event.currentTarget).getAttribute("hreflang") ?? "en");
  location.assign(there);
});

const connection = document.getElementById("connection");
addEventListener("connection", (event) => {
  if (!connection) return;
  const state = /** @type {CustomEvent<string>} */ (event).detail;
  connection.hidden = state === "live" || state === "paused";
  connection.textContent = connection.hidden ? "" : say(`web.js.connection.${state}`);
});
