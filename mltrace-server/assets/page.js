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
  const asked = view.querySelector(".asked");
  if (asked) {
    view.scrollLeft = asked.x.baseVal.value - (view.clientWidth - asked.width.baseVal.value) / 2;
    view.scrollTop = asked.y.baseVal.value - (view.clientHeight - asked.height.baseVal.value) / 2;
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

// What renews itself stays as it was while it cannot be had, and must not pass for the present. It goes on by itself, and
// nothing that was typed is lost meanwhile.
function say(text, link = "") {
  const line = document.getElementById("notice");
  if (line.textContent === text + link) return;
  line.replaceChildren(text);
  if (link) line.append(Object.assign(document.createElement("a"), { href: "/login", target: "_blank", textContent: link }));
}
const saySilent = () => say("The server does not answer.");
document.addEventListener("htmx:sendError", saySilent);
document.addEventListener("htmx:timeout", saySilent);
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { xhr, requestConfig } = event.detail;
  // Whoever answers for a server that is away says so.
  if (xhr.status >= 500) return saySilent();
  if (new URL(xhr.responseURL).pathname !== "/login") return say("");
  event.preventDefault();
  const isSent = requestConfig.elt.matches("form");
  say(`You are logged out${isSent ? ", and this was not sent" : ""}. `, "Log in again in a new tab");
});

zones();
graph();
keepPlace();
watchLost();
keepTyped();
