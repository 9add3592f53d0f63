// Dark or light: as the system says, until the reader says otherwise. Only this choice is kept, never a clip.

const KEPT_AS = "vatrace-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;

function kept() {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    return null;
  } // a browser may refuse storage
}

function keep(theme) {
  try {
    localStorage.setItem(KEPT_AS, theme);
  } catch {
    /* the choice then lasts as long as the page */
  }
}

export const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);

// The page's colours as the canvas needs them, read anew after each change.
export function colours() {
  const style = getComputedStyle(root);
  return new Proxy({}, { get: (_, name) => style.getPropertyValue("--" + name).trim() });
}

export function listenToTheme(button, changed) {
  const show = () => {
    button.setAttribute("aria-pressed", String(isDark()));
    changed();
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    keep(root.dataset.theme);
    show();
  });
  system.addEventListener("change", show);
  matchMedia("(forced-colors: active)").addEventListener("change", show);
  show();
}

const before = kept();
if (before === "dark" || before === "light") root.dataset.theme = before;
