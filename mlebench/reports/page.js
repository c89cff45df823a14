// Sorts a table by the column whose heading is clicked; numbers by value, unknown values last in either direction.
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const cell = row.cells[column];
    const key = cell.dataset.sort ?? cell.textContent.trim();
    if (key === "" || key === "–") return null;
    return Number.isNaN(Number(key)) ? key : Number(key);
  };
  const compare = (left, right) =>
    typeof left === "number" && typeof right === "number"
      ? left - right
      : String(left).localeCompare(String(right), "en", { numeric: true });
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = table.tBodies[0];
      const rows = [...body.rows].map((row) => [value(row, column), row]);
      rows.sort(([left], [right]) => {
        if (left === null || right === null) return (left === null) - (right === null);
        return down ? compare(right, left) : compare(left, right);
      });
      body.append(...rows.map(([, row]) => row));
    });
  });
}
// closed parts are printed too
const closed = [];
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details:not([open])")) {
    closed.push(part);
    part.open = true;
  }
});
addEventListener("afterprint", () => {
  for (const part of closed.splice(0)) part.open = false;
});
