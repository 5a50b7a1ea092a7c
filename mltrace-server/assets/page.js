// Makes pages that are complete without it more convenient: local times, the chosen colours, keys, colours in code.
"use strict";

const root = document.documentElement;

// Times come in UTC, and stay readable on hover.
function localize(part) {
  for (const time of part.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    const two = (number) => String(number).padStart(2, "0");
    const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    time.title = `${time.textContent} UTC`;
    time.textContent = `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  }
}

function theme() {
  const button = document.getElementById("theme");
  if (!button) return;
  const dark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const show = () => { button.textContent = dark() ? "Light" : "Dark"; };
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    document.cookie = `mltrace_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=strict`;
    show();
  });
  show();
}

function keys() {
  const command = document.getElementById("command");
  if (!command) return;
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, textarea, select");
    const isHeld = event.ctrlKey || event.metaKey;
    const isMeant = event.key === "/" ? !isTyping && !isHeld && !event.altKey : isHeld && event.key.toLowerCase() === "k";
    if (!isMeant) return;
    event.preventDefault();
    command.focus();
    command.select();
  });
}

async function colour() {
  const blocks = document.querySelectorAll("code[class^=language-]");
  if (!blocks.length) return;
  const beside = (name) => import(new URL(name, document.querySelector("script[src$='page.js']").src).href);
  const { default: highlighter } = await beside("highlight.js");
  for (const block of blocks) {
    const language = block.className.replace("language-", "");
    const { default: grammar } = await beside(`highlight-${language}.js`);
    highlighter.registerLanguage(language, grammar);
    highlighter.highlightElement(block);
  }
}

// What a chart tells of the place that is pointed at.
document.addEventListener("pointerover", (event) => {
  const place = event.target.closest(".place");
  const told = place?.closest("figure")?.querySelector(".told");
  if (told) told.textContent = place.querySelector("title").textContent;
});

document.addEventListener("htmx:load", (event) => localize(event.detail.elt));
localize(document);
theme();
keys();
colour();
