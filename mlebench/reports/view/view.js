// Looks for news and replaces the parts of the page that have changed, but never under a reader's hands.
"use strict";
(() => {
  const LONGEST_PAUSE = 60;
  const LONGEST_ANSWER = 60;
  const FIELDS = "input, select, textarea";
  const FOCUSABLE = `a[href], summary, ${FIELDS}, button, [tabindex]`;
  const parts = (page) => [...page.querySelectorAll("body > header, main > section[id]")];
  // the page as it was sent: this script runs before others change it
  const sent = new Map(parts(document).map((part) => [part.id, part.outerHTML]));
  let tag = null, failures = 0, timer = 0, isAsking = false, asked = Date.now(), ahead = 0, isPressed = false;
  const every = () => Number(document.querySelector('meta[name="refresh-seconds"]')?.content) || 0;

  // --- what a reader has done to a part is done to the one that takes its place ---

  const focusable = (part) =>
    // buttons in the heads of tables are made by another script
    [...part.querySelectorAll(FOCUSABLE)].filter((inner) => !inner.matches("thead button"));
  const placeOf = (inner, part) => {
    const heading = inner.closest("thead th");
    const all = heading ? [...part.querySelectorAll("thead th")] : focusable(part);
    return { heading: Boolean(heading), index: all.indexOf(heading ?? inner), text: inner.id || inner.textContent };
  };
  const atPlace = ({ heading, index, text }, part) => {
    if (heading) return part.querySelectorAll("thead th")[index];
    const all = focusable(part);
    const found = all.find((inner) => inner.id && inner.id === text) ?? all[index];
    return found && (found.matches(".scroll, pre") || (found.id || found.textContent) === text) ? found : undefined;
  };
  const pairs = (selector, old, fresh) => {
    const others = fresh.querySelectorAll(selector);
    return [...old.querySelectorAll(selector)].map((one, number) => [one, others[number]]).filter(([, other]) => other);
  };
  const sorting = (table) => {
    const headings = [...(table.tHead?.rows[0].cells ?? [])];
    const column = headings.findIndex((heading) => heading.hasAttribute("aria-sort"));
    return column < 0 ? "" : `${column} ${headings[column].getAttribute("aria-sort")}`;
  };
  const isLeft = (old, fresh) => {
    const own = "[data-own]", selection = getSelection(), focused = document.activeElement;
    if (isPressed || old.matches(own)) return true;
    // what a script of its own fills stays, once it is there
    const count = old.querySelectorAll(own).length;
    if (count && count === fresh.querySelectorAll(own).length) return true;
    if (!selection.isCollapsed && selection.rangeCount && selection.getRangeAt(0).intersectsNode(old)) return true;
    if (!old.contains(focused)) return false;
    return focused.matches(FIELDS) || !atPlace(placeOf(focused, old), fresh);
  };
  const replace = (old, fresh) => {
    const focused = old.contains(document.activeElement) ? placeOf(document.activeElement, old) : null;
    for (const part of old.querySelectorAll("details[id]")) {
      const found = fresh.querySelector(`#${CSS.escape(part.id)}`);
      if (found) found.open = part.open;
    }
    for (const [one, other] of pairs("table", old, fresh)) if (sorting(one)) other.dataset.sorted = sorting(one);
    for (const [one, other] of pairs(FIELDS, old, fresh)) {
      if (one.name !== other.name) continue;
      if (one.type === "checkbox" || one.type === "radio") other.checked = one.checked;
      else if (one.value !== one.defaultValue) other.value = one.value;
    }
    const scrolled = pairs(".scroll, pre", old, fresh).map(([one, other]) => [other, one.scrollLeft, one.scrollTop]);
    old.replaceWith(fresh);
    // other scripts make of the new part what they made of the old one
    fresh.dispatchEvent(new CustomEvent("fresh", { bubbles: true }));
    for (const [other, left, top] of scrolled) other.scrollTo(left, top);
    const next = focused && atPlace(focused, fresh);
    (next?.matches("th") ? next.querySelector("button") : next)?.focus({ preventScroll: true });
  };
  const take = (text) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    if (document.title !== page.title) document.title = page.title;
    const fresh = parts(page), main = document.querySelector("main");
    const old = new Map(parts(document).map((part) => [part.id, part]));
    let isWhole = true, before = null;
    for (const part of fresh) {
      const html = part.outerHTML, stands = old.get(part.id);
      old.delete(part.id);
      if (!stands) {
        before ? before.after(part) : main.prepend(part);
        part.dispatchEvent(new CustomEvent("fresh", { bubbles: true }));
      } else if (sent.get(part.id) !== html) {
        if (isLeft(stands, part)) {
          isWhole &&= stands.querySelector("[data-own]") !== null;
          before = stands;
          continue;
        }
        replace(stands, part);
      }
      sent.set(part.id, html);
      before = part.id ? document.getElementById(part.id) : null;
    }
    for (const part of old.values()) part.remove();
    const meta = document.querySelector('meta[name="refresh-seconds"]');
    const seconds = page.querySelector('meta[name="refresh-seconds"]')?.content ?? "";
    if (meta) meta.content = seconds;
    tick();
    return isWhole;
  };

  // --- asking ---

  const say = (words) => {
    let banner = document.getElementById("connection");
    if (!banner) {
      banner = Object.assign(document.createElement("p"), { id: "connection", className: "warning" });
      banner.setAttribute("role", "status");
      document.querySelector("main").before(banner);
    }
    // said once, as a screen reader reads out each change
    if (banner.textContent !== words) banner.textContent = words;
    banner.hidden = !words;
  };
  const troubles = {
    401: "The server asks for the password; load the page again.",
    404: "This page is gone. A server that was started again has another address, which mlebench view prints.",
    500: "The server cannot make this page at the moment; what mlebench view prints tells why.",
  };
  let since = "";
  const ask = async () => {
    if (isAsking || document.visibilityState !== "visible") return;
    isAsking = true;
    asked = Date.now();
    try {
      const headers = tag ? { "If-None-Match": tag } : {};
      const answer = await fetch(location.href.split("#")[0], { headers, signal: AbortSignal.timeout(LONGEST_ANSWER * 1000) });
      const time = Date.parse(answer.headers.get("Date"));
      if (time) ahead = Math.abs(time - Date.now()) > 5000 ? time - Date.now() : 0;
      if (answer.ok) tag = take(await answer.text()) ? answer.headers.get("ETag") : null;
      failures = answer.ok || answer.status === 304 ? 0 : failures + 1;
      since = "";
      say(failures ? (troubles[answer.status] ?? `The server answers with ${answer.status}.`) : "");
    } catch {
      failures += 1;
      since ||= new Date().toLocaleTimeString();
      say(`No connection since ${since}; trying again.`);
    }
    isAsking = false;
    plan();
  };
  const plan = () => {
    clearTimeout(timer);
    if (!every()) return;
    const pause = Math.min(every() * 2 ** Math.min(failures, 10), Math.max(LONGEST_PAUSE, every()));
    // not all at once
    timer = setTimeout(ask, Math.max(0, asked + 1000 * pause * (0.9 + 0.2 * Math.random()) - Date.now()));
  };

  // --- clocks ---

  const UNITS = [["d", 86400, "h", 3600], ["h", 3600, "min", 60], ["min", 60, "s", 1]];
  const duration = (seconds) => {
    const whole = Math.max(0, Math.round(seconds));
    const [large, size, small, part] = UNITS.find(([, least]) => whole >= least) ?? [];
    return large ? `${Math.floor(whole / size)} ${large} ${String(Math.floor((whole % size) / part)).padStart(2, "0")} ${small}` : `${whole} s`;
  };
  const tick = () => {
    for (const clock of document.querySelectorAll("time.since, time.until")) {
      const time = Date.parse(clock.dateTime);
      if (Number.isNaN(time)) continue;
      clock.title ||= new Date(time).toLocaleString();
      const passed = (Date.now() + ahead - time) / 1000;
      const words = duration(clock.className.includes("until") ? -passed : passed);
      if (clock.textContent !== words) clock.textContent = words;
    }
  };

  addEventListener("pointerdown", () => { isPressed = true; });
  for (const name of ["pointerup", "pointercancel", "blur"]) addEventListener(name, () => { isPressed = false; });
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest(`${FIELDS}, [contenteditable]`)) return;
    const filter = document.querySelector('input[type="search"]');
    if (filter) event.preventDefault();
    filter?.focus();
  });
  document.addEventListener("visibilitychange", plan);
  for (const name of ["pageshow", "online"]) addEventListener(name, plan);
  setInterval(() => { if (document.visibilityState === "visible") tick(); }, 1000);
  tick();
  plan();
})();
