// Follows the log of a run: its end as it grows, earlier parts on demand. Whatever stands in a log is set as text.
"use strict";
(() => {
  const MOST_LINES = 5000;
  const EVERY_MS = 2000;
  const MOST_PAUSE_MS = 30000;

  const element = (name, css, text, more = {}) => Object.assign(document.createElement(name), { className: css, textContent: text, ...more });

  const size = (bytes) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    for (; bytes >= 1024 && unit < units.length - 1; unit += 1) bytes /= 1024;
    return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
  };

  const line = ([start, isHarness, spans], css = "line") => {
    const made = element("span", isHarness ? `${css} harness` : css, "");
    for (const [colour, text] of spans) made.append(colour ? element("i", colour, text) : text);
    return { start, made };
  };

  const follow = (box) => {
    const pre = box.querySelector("pre");
    const tools = box.querySelector(".tools");
    let lines = [];
    let last = null;
    let file = "", start = 0, end = 0, total = 0, searched = 0;
    let isLive = "live" in box.dataset, follows = true, reachesEnd = true, failures = 0, turn = Promise.resolve();
    // where `toEnd` has put the reader
    let placed = 0;

    const earlier = element("button", "", "Earlier lines", { type: "button" });
    const following = element("button", "", "Follow", { type: "button" });
    const search = element("input", "", "", { type: "search", placeholder: "Search the lines shown" });
    search.setAttribute("aria-label", "Search the lines shown");
    const found = element("output", "", "");
    const about = element("span", "faint", "");
    tools.querySelector("output").replaceWith(about);
    tools.prepend(earlier, following, search, found);

    const tell = () => {
      const above = start ? `${size(start)} before the first line shown` : "shown from its beginning";
      about.textContent = `${size(total)} in all, ${above}${failures ? "; no connection at the moment" : ""}`;
      earlier.disabled = start === 0;
      following.setAttribute("aria-pressed", String(follows && reachesEnd));
    };

    const isAtEnd = () => pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 8;

    const toEnd = () => {
      pre.scrollTop = pre.scrollHeight;
      placed = pre.scrollTop;
    };

    const clear = (words) => {
      lines = [];
      last = null;
      pre.replaceChildren();
      if (words) pre.append(element("span", "line note", words));
    };

    const setLast = (packed) => {
      last?.made.remove();
      last = packed ? line(packed, "line unfinished") : null;
      if (last) pre.append(last.made);
    };

    const drop = (dropped) => dropped.forEach(({ made }) => made.remove());

    const append = (part) => {
      last?.made.remove();
      const added = part.lines.map((packed) => line(packed));
      pre.append(...added.map(({ made }) => made));
      lines.push(...added);
      drop(lines.splice(0, Math.max(0, lines.length - MOST_LINES)));
      if (lines.length) start = lines[0].start;
      else start = part.start;
      ({ end, size: total, file, searched } = part);
      setLast(part.last);
    };

    const prepend = (part) => {
      const height = pre.scrollHeight;
      const added = part.lines.map((packed) => line(packed));
      pre.prepend(...added.map(({ made }) => made));
      lines.unshift(...added);
      start = part.start;
      const surplus = lines.splice(MOST_LINES);
      if (surplus.length) {
        end = searched = surplus[0].start;
        setLast(null);
        reachesEnd = follows = false;
      }
      drop(surplus);
      pre.scrollTop += pre.scrollHeight - height;
    };

    const ask = async (query) => {
      const separator = box.dataset.log.includes("?") ? "&" : "?";
      const answer = await fetch(box.dataset.log + separator + new URLSearchParams(query), { cache: "no-store" });
      if (!answer.ok) throw new Error(`${answer.status}`);
      return JSON.parse(await answer.text());
    };

    // one question at a time, each about what the answer before it left
    const once = (query, use) => {
      turn = turn.then(async () => {
        try {
          const part = await ask(query());
          failures = 0;
          if (part.problem) clear(`The log cannot be shown: it is ${part.problem}.`);
          else use(part);
          isLive = part.live;
        } catch {
          failures += 1;
        }
        tell();
      });
      return turn;
    };

    const later = async () => {
      let asked = end;
      const query = () => {
        asked = end;
        return file ? { from: end, file, searched } : {};
      };
      await once(query, (part) => {
        // a reader scrolls a moment before the event says so
        if (pre.scrollTop < placed && !isAtEnd()) follows = false;
        if (part.is_anew || part.start !== asked || !file) clear(part.is_anew ? "The log became shorter, or another one took its place." : "");
        append(part);
        reachesEnd = true;
        mark();
        if (follows) toEnd();
      });
      return end < total && !last && end > asked;
    };

    const backwards = () =>
      once(() => ({ before: start, file }), (part) => {
        if (part.is_anew) reachesEnd = false;
        else prepend(part);
        mark();
      });

    const jump = () => {
      follows = true;
      placed = 0;
      if (reachesEnd) toEnd();
      else file = "";
      return later();
    };

    let hits = [], hit = -1;
    const mark = () => {
      const wanted = search.value.toLowerCase(), here = hits[hit];
      for (const { made } of hits) made.classList.remove("hit");
      here?.made.classList.remove("here");
      hits = wanted ? lines.filter(({ made }) => made.textContent.toLowerCase().includes(wanted)) : [];
      for (const { made } of hits) made.classList.add("hit");
      hit = hits.indexOf(here);
      show();
    };
    const show = () => {
      hits[hit]?.made.classList.add("here");
      const count = `${hits.length} ${hits.length === 1 ? "line" : "lines"}`;
      found.textContent = !search.value ? "" : hit < 0 ? count : `${hit + 1} of ${count}`;
    };
    const go = (step) => {
      if (!hits.length) return;
      hits[hit]?.made.classList.remove("here");
      hit = (hit + step + hits.length) % hits.length;
      show();
      follows = false;
      const place = hits[hit].made;
      pre.scrollTop = place.offsetTop - pre.offsetTop - pre.clientHeight / 2;
      tell();
    };

    earlier.addEventListener("click", backwards);
    following.addEventListener("click", jump);
    search.addEventListener("input", () => {
      hits[hit]?.made.classList.remove("here");
      hit = -1;
      mark();
    });
    search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
    });
    pre.addEventListener("scroll", () => {
      follows = isAtEnd();
      tell();
    });

    const tick = async () => {
      const wants = follows && reachesEnd && !document.hidden;
      const isMore = wants && (await later());
      if (!box.isConnected || (!isLive && !isMore && file)) return;
      setTimeout(tick, isMore ? 0 : Math.min(EVERY_MS * 2 ** failures, MOST_PAUSE_MS));
    };
    // what stood in the page goes when the first part is there
    tick();
  };

  const begin = () => {
    for (const box of document.querySelectorAll("[data-log]:not([data-followed])")) {
      box.dataset.followed = "";
      follow(box);
    }
  };
  begin();
  // the log of a run that starts while its page is open comes later
  document.addEventListener("fresh", begin);
})();
