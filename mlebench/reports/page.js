// Tables: sorted by a click on a heading, filtered by words, copied as csv. Parts that are drawn again keep all that.
"use strict";
(() => {
  const FEW_ROWS = 8;
  // words that rows are filtered by, by section and place of the table in it
  const filters = new Map();

  const value = (row, column) => {
    const cell = row.cells[column];
    const key = cell?.dataset.sort ?? cell?.textContent.trim() ?? "";
    if (key === "" || key === "–") return null;
    return Number.isNaN(Number(key)) ? key : Number(key);
  };
  const compare = (left, right) =>
    typeof left === "number" && typeof right === "number"
      ? left - right
      : String(left).localeCompare(String(right), "en", { numeric: true });

  // numbers by value, unknown values last in either direction
  const sort = (table, column, down) => {
    const headings = [...table.tHead.rows[0].cells];
    for (const other of headings) other.removeAttribute("aria-sort");
    headings[column].setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [value(row, column), row]);
    rows.sort(([left], [right]) => {
      if (left === null || right === null) return (left === null) - (right === null);
      return down ? compare(right, left) : compare(left, right);
    });
    body.append(...rows.map(([, row]) => row));
  };

  const filter = (table, words, count) => {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = [...table.tBodies[0].rows];
    for (const row of rows) {
      const text = [...row.cells].map((cell) => cell.textContent.toLowerCase()).join(" ");
      row.hidden = !wanted.every((word) => text.includes(word));
    }
    count.textContent = wanted.length ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
  };

  const words = (cell) => {
    const copy = cell.cloneNode(true);
    for (const folded of copy.querySelectorAll("details")) folded.remove();
    const below = [...copy.querySelectorAll("small")].map((part) => (part.remove(), part.textContent.trim()));
    const text = copy.textContent.trim().replace(/\s+/g, " ");
    const all = text + below.map((part) => ` (${part})`).join("");
    // what a spreadsheet would compute is text
    return `"${(/^[=+\-@]/.test(all) && Number.isNaN(Number(all)) ? "'" : "") + all.replaceAll('"', '""')}"`;
  };
  const csv = (table) =>
    [table.tHead.rows[0], ...table.tBodies[0].rows]
      .filter((row) => !row.hidden)
      .map((row) => [...row.cells].map(words).join(","))
      .join("\n") + "\n";
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // without https, and where it is forbidden
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };

  const button = (...content) => {
    const made = document.createElement("button");
    made.type = "button";
    made.append(...content);
    return made;
  };

  const addTools = (table, key) => {
    const tools = document.createElement("div");
    tools.className = "tools";
    const said = document.createElement("output");
    if (table.tBodies[0].rows.length >= FEW_ROWS) {
      const box = document.createElement("input");
      box.type = "search";
      box.placeholder = "Filter rows";
      box.setAttribute("aria-label", "Filter rows");
      box.value = filters.get(key) ?? "";
      box.addEventListener("input", () => {
        filters.set(key, box.value);
        filter(table, box.value, said);
      });
      tools.append(box);
      if (box.value) filter(table, box.value, said);
    }
    const copies = button("Copy as csv");
    copies.addEventListener("click", async () => {
      said.textContent = (await copy(csv(table))) ? "copied" : "the browser did not allow it";
    });
    tools.append(said, copies);
    (table.closest(".scroll") ?? table).before(tools);
  };

  const prepare = (table) => {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const sorts = button(...heading.childNodes);
      heading.append(sorts);
      sorts.addEventListener("click", () => sort(table, column, heading.getAttribute("aria-sort") === "ascending"));
    });
    // as the table in whose place it stands was sorted
    const [column, direction] = (table.dataset.sorted ?? "").split(" ");
    if (direction && headings[column]) sort(table, Number(column), direction === "descending");
    const section = table.closest("section");
    const place = section ? [...section.querySelectorAll("table.sortable")].indexOf(table) : 0;
    addTools(table, `${section?.id}/${place}`);
  };
  const prepareAll = (part) => part.querySelectorAll("table.sortable").forEach(prepare);
  prepareAll(document);
  // of a part of the page that has been replaced
  document.addEventListener("fresh", (event) => prepareAll(event.target));

  // closed parts are printed too, but for those in cells, which would make a page of every few rows
  const closed = [];
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not([open], td details)")) {
      closed.push(part);
      part.open = true;
    }
  });
  addEventListener("afterprint", () => {
    for (const part of closed.splice(0)) part.open = false;
  });
})();
