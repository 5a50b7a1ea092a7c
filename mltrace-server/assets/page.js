// Makes pages that are complete without it more convenient: local times, the chosen colours, keys, colours in code.
"use strict";

// A time in the reader's own zone, as `2020-02-29T14:05:00`.
function local(text) {
  const at = new Date(text);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().split(".")[0];
}

// Times come in UTC, and stay readable on hover.
function localize(part) {
  for (const time of part.querySelectorAll("time[datetime]:not([title])")) {
    time.title = `${time.textContent} UTC`;
    time.textContent = local(time.dateTime).replace("T", " ");
  }
}

function theme() {
  const choice = document.getElementById("theme");
  choice.addEventListener("change", () => {
    document.documentElement.dataset.theme = choice.value;
    document.cookie = `mltrace_theme=${choice.value}; path=/; max-age=31536000; samesite=strict`;
  });
}

function keys() {
  const command = document.getElementById("command");
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

// Where a login has lapsed, what was typed in the bar stands there again after the next.
function keepTyped() {
  const command = document.getElementById("command");
  const typed = sessionStorage.getItem("typed");
  sessionStorage.removeItem("typed");
  if (typed && document.referrer.startsWith(`${location.origin}/login`)) command.value = typed;
  command.form.addEventListener("submit", () => sessionStorage.setItem("typed", command.value));
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

// A run that has come in above, since it ended, is not shown again where it began.
function once(part) {
  for (const { id } of part.querySelectorAll(".runs[data-page] > .row")) {
    for (const again of [...document.querySelectorAll(`#${id}`)].slice(1)) again.remove();
  }
}

const isInSight = (part) => {
  const { top, bottom } = part.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
};

// A run that counts as lost may come back. One of those in sight is looked at at a time, however many there are.
function watchLost() {
  const rows = (list) => [...list.querySelectorAll("[hx-trigger=look]")];
  let turn = 0;
  setInterval(() => {
    const lost = [...document.querySelectorAll(".runs")].filter(isInSight).flatMap(rows).filter(isInSight);
    if (lost.length) htmx.trigger(lost[turn++ % lost.length], "look");
  }, 2_000);
}
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const isLostStill = detail.target.matches("[hx-trigger=look]") && detail.serverResponse.includes('hx-trigger="look"');
  if (isLostStill) detail.shouldSwap = false;
});

// The address says where in the list of runs the reader is: it begins there after a reload, and for who comes back.
function keepPlace() {
  const lists = () => document.querySelectorAll(".runs[data-page]");
  if (!lists().length) return;
  history.scrollRestoration = "manual";
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
  const seen = (parts) => [...parts].find((part) => part.getBoundingClientRect().bottom > 0);
  const keep = () => {
    const list = scrollY > 0 && seen(lists());
    const row = list && seen(list.children);
    const place = row ? `${list.dataset.page}#${row.id}` : lists()[0].dataset.page;
    if (place !== location.pathname + location.search + location.hash) history.replaceState(null, "", place);
  };
  // Browsers bear so many changes of the address only.
  let scrolled;
  addEventListener("scroll", () => { clearTimeout(scrolled); scrolled = setTimeout(keep, 300); });
  document.getElementById("main").addEventListener("click", keep);
}

document.addEventListener("htmx:load", (event) => {
  localize(event.detail.elt);
  once(event.detail.elt);
});
localize(document);
theme();
keys();
colour();

// What is sent as UTC is chosen in the reader's own zone.
function zones() {
  for (const input of document.querySelectorAll("input[type=datetime-local][data-utc]")) {
    if (input.value) input.value = local(`${input.value}Z`).slice(0, -3);
    input.form.addEventListener("formdata", (event) => {
      if (input.value) event.formData.set(input.name, new Date(input.value).toISOString().slice(0, 16));
      else event.formData.delete(input.name);
    });
  }
}

// A graph begins where it was asked, and a run that is clicked is shown beside it.
function graph() {
  const view = document.querySelector(".graph");
  if (!view) return;
  const asked = view.querySelector(".asked rect");
  if (asked) {
    const [at, seen] = [asked, view].map((part) => part.getBoundingClientRect());
    view.scrollLeft += at.x - seen.x - (seen.width - at.width) / 2;
    view.scrollTop += at.y - seen.y - (seen.height - at.height) / 2;
  }
  view.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='/runs/']");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    view.querySelector(".chosen")?.classList.remove("chosen");
    link.classList.add("chosen");
    htmx.ajax("GET", `${link.getAttribute("href")}/brief`, "#chosen");
  });
}

// What a form cannot have as a part of the page, the whole page says.
document.addEventListener("htmx:responseError", ({ detail }) => {
  if (detail.elt.matches("form")) detail.elt.submit();
});
// A form that was sent is folded away again: the keyboard goes on where it was unfolded.
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  const sent = detail.requestConfig?.elt;
  if (sent?.matches("form[id]")) document.getElementById(sent.id)?.closest("details:not([open])")?.querySelector("summary").focus();
});

// What cannot be had leaves the page as it was, which must not pass for the present then. Of a form that was sent it is said
// there, and what was typed stays; of all else in the corner.
const notice = document.getElementById("notice");
const failing = new Set();

function say(line, text, login) {
  const link = Object.assign(document.createElement("a"), { href: "/login", target: "_blank", textContent: login });
  const said = login ? [text, " ", link, "."] : [text];
  if (line.textContent !== said.map((part) => part.textContent ?? part).join("")) line.replaceChildren(...said);
}

function miss(event, why, sent, login = "") {
  event.preventDefault();
  const { elt } = event.detail.requestConfig;
  // Or what is asked for when it comes in sight would never be asked for again.
  elt.removeAttribute("data-hx-revealed");
  if (!elt.matches("form")) return say(notice, why, login);
  const line = elt.querySelector(".unsent") ?? Object.assign(document.createElement("p"), { className: "unsent" });
  line.setAttribute("role", "alert");
  elt.append(line);
  say(line, `${why} ${sent}`, login);
}

// Whoever has answered once is there, and lets the reader in; but what failed for itself may be missing still.
function had(elt) {
  elt.querySelector(":scope > .unsent")?.remove();
  failing.delete(elt);
  for (const part of failing) if (!part.isConnected) failing.delete(part);
  say(notice, failing.size ? unable : "");
}

const unable = "The server cannot answer at the moment.";
const unclear = "Whether this was sent is unclear: look before you send it once more.";
const isSilent = (event) => miss(event, "The server does not answer.", unclear);
document.addEventListener("htmx:sendError", isSilent);
document.addEventListener("htmx:timeout", isSilent);
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { xhr, requestConfig } = event.detail;
  const isLoggedOut = new URL(xhr.responseURL).pathname === "/login";
  if (isLoggedOut) return miss(event, "You are logged out.", "This was not sent: log in, and send it once more.", "Log in in a new tab");
  if (xhr.status >= 500) {
    if (!requestConfig.elt.matches("form")) failing.add(requestConfig.elt);
    return miss(event, unable, unclear);
  }
  had(requestConfig.elt);
});

zones();
graph();
keepPlace();
watchLost();
keepTyped();
