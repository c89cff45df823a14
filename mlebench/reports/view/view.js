// Looks for news and replaces the parts of the page that have changed, but never under a reader's hands.
"use strict";
(() => {
  const LONGEST_SECONDS = 60;
  const EVERY = 'meta[name="refresh-seconds"]';
  const FIELDS = "input, select, textarea";
  const FOCUSABLE = `a[href], summary, ${FIELDS}, button, [tabindex]`;
  const one = (selector, part = document) => part.querySelector(selector);
  const all = (selector, part = document) => [...part.querySelectorAll(selector)];
  const partsOf = (page) => all("body > header, main > section[id]", page);
  // the page as it was sent: other scripts, which change it, run later
  const sent = new Map(partsOf(document).map((part) => [part.id, part.outerHTML]));
  let tag = null, failures = 0, timer = 0, isAsking = false, asked = Date.now(), ahead = 0, isPressed = false, since = "";

  // what a reader has done to a part is done to the one that takes its place

  // what another script makes is not in the fresh part yet
  const MADE = "thead button, .tools button, .tools input";
  const placeOf = (inner, part) => {
    const isMade = inner.matches(MADE), listed = listedIn(part, isMade);
    return { isMade, index: listed.indexOf(inner), name: inner.id || inner.textContent };
  };
  const listedIn = (part, isMade) => all(FOCUSABLE, part).filter((inner) => inner.matches(MADE) === isMade);
  const atPlace = ({ isMade, index, name }, part) => {
    const listed = listedIn(part, isMade);
    const found = listed.find((inner) => inner.id && inner.id === name) ?? listed[index];
    return found && (isMade || found.matches(".scroll, pre") || (found.id || found.textContent) === name) ? found : null;
  };
  const pairs = (selector, old, fresh) => {
    const others = all(selector, fresh);
    return all(selector, old).map((inner, number) => [inner, others[number]]).filter(([, other]) => other);
  };
  const sorting = (table) => {
    const column = all("thead th", table).findIndex((heading) => heading.ariaSort);
    return column < 0 ? "" : `${column} ${all("thead th", table)[column].ariaSort}`;
  };
  const isLeft = (old, fresh) => {
    const own = "[data-own]", selection = getSelection(), focused = document.activeElement;
    if (isPressed || old.matches(own)) return true;
    if (!selection.isCollapsed && selection.rangeCount && selection.getRangeAt(0).intersectsNode(old)) return true;
    // what a script of its own fills stays, once it is there
    if (one(own, old) && all(own, old).length === all(own, fresh).length) return true;
    return old.contains(focused) && (focused.matches(FIELDS) || !(focused.matches(MADE) || atPlace(placeOf(focused, old), fresh)));
  };
  const announce = (part) => part.dispatchEvent(new CustomEvent("fresh", { bubbles: true }));
  const replace = (old, fresh) => {
    const focused = old.contains(document.activeElement) ? placeOf(document.activeElement, old) : null;
    for (const part of all("details[id]", old)) {
      const found = one(`#${CSS.escape(part.id)}`, fresh);
      if (found) found.open = part.open;
    }
    for (const [table, other] of pairs("table", old, fresh)) if (sorting(table)) other.dataset.sorted = sorting(table);
    for (const [field, other] of pairs(`form :is(${FIELDS})`, old, fresh)) {
      if (field.name !== other.name) continue;
      if (field.checked !== field.defaultChecked) other.checked = field.checked;
      if (field.value !== field.defaultValue) other.value = field.value;
    }
    const scrolled = pairs(".scroll, pre", old, fresh).map(([box, other]) => [other, box.scrollLeft, box.scrollTop]);
    old.replaceWith(fresh);
    // other scripts make of the new part what they made of the old one
    announce(fresh);
    for (const [box, left, top] of scrolled) box.scrollTo(left, top);
    if (focused) atPlace(focused, fresh)?.focus({ preventScroll: true });
  };
  const take = (text) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    if (document.title !== page.title) document.title = page.title;
    const gone = new Map(partsOf(document).map((part) => [part.id, part]));
    let isWhole = true, before = null;
    for (const part of partsOf(page)) {
      const html = part.outerHTML, old = gone.get(part.id);
      gone.delete(part.id);
      if (old && sent.get(part.id) !== html && isLeft(old, part)) {
        isWhole &&= Boolean(one("[data-own]", old));
        before = old;
        continue;
      }
      if (!old) {
        before ? before.after(part) : one("main").prepend(part);
        announce(part);
      } else if (sent.get(part.id) !== html) replace(old, part);
      sent.set(part.id, html);
      before = part.id && document.getElementById(part.id);
    }
    for (const part of gone.values()) part.remove();
    if (one(EVERY)) one(EVERY).content = one(EVERY, page)?.content ?? 0;
    tick();
    return isWhole;
  };

  const say = (words) => {
    const made = { id: "connection", className: "warning", role: "status" };
    const banner = one("#connection") ?? Object.assign(document.createElement("p"), made);
    if (!banner.isConnected) one("main").prepend(banner);
    banner.hidden = !words;
    // a screen reader reads out each change
    if (words && banner.textContent !== words) banner.textContent = words;
  };
  const ask = async () => {
    if (isAsking || document.hidden) return;
    isAsking = true;
    asked = Date.now();
    try {
      const headers = tag ? { "If-None-Match": tag } : {};
      const answer = await fetch(location.href.split("#")[0], { headers, signal: AbortSignal.timeout(1000 * LONGEST_SECONDS) });
      ahead = (Date.parse(answer.headers.get("Date")) || Date.now()) - Date.now();
      if (answer.ok) tag = take(await answer.text()) ? answer.headers.get("ETag") : null;
      failures = answer.ok || answer.status === 304 ? 0 : failures + 1;
      since = "";
      say(failures && `The server does not have this page now (${answer.status}); what mlebench view prints tells more.`);
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
    const every = Number(one(EVERY)?.content);
    if (!every) return;
    const pause = Math.min(every * 2 ** failures, Math.max(LONGEST_SECONDS, every));
    // not all viewers at once
    timer = setTimeout(ask, asked + 1000 * pause * (0.9 + 0.2 * Math.random()) - Date.now());
  };

  // clocks, in the words of the pages
  const UNITS = [["d", 86400, "h", 3600, 172800], ["h", 3600, "min", 60, 3600], ["min", 60, "s", 1, 60]];
  const duration = (milliseconds) => {
    const whole = Math.max(0, Math.round(milliseconds / 1000));
    const [large, size, small, part] = UNITS.find((unit) => whole >= unit[4]) ?? [];
    if (!large) return `${whole} s`;
    const rest = Math.floor((whole % size) / part);
    return `${Math.floor(whole / size)} ${large}${rest ? ` ${String(rest).padStart(2, "0")} ${small}` : ""}`;
  };
  const tick = () => {
    for (const clock of all("time.since, time.until")) {
      const time = Date.parse(clock.dateTime);
      if (Number.isNaN(time)) continue;
      const passed = Date.now() - time + (Math.abs(ahead) > 5000 ? ahead : 0);
      const words = duration(clock.matches(".until") ? -passed : passed);
      if (clock.textContent !== words) clock.textContent = words;
    }
  };

  addEventListener("pointerdown", () => { isPressed = true; });
  for (const name of ["pointerup", "pointercancel", "blur"]) addEventListener(name, () => { isPressed = false; });
  addEventListener("keydown", (event) => {
    const filter = one('input[type="search"]');
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || !filter || event.target.closest(FIELDS)) return;
    event.preventDefault();
    filter.focus();
  });
  document.addEventListener("visibilitychange", plan);
  addEventListener("pageshow", plan);
  setInterval(() => { if (!document.hidden) tick(); }, 1000);
  tick();
})();
