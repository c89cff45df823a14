// Sorts a table by the column whose heading is clicked; numbers by value, unknown values last in either direction.
"use strict";
const makeSortable = (table) => {
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
  const sort = (column, down) => {
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
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sort(column, heading.getAttribute("aria-sort") === "ascending"));
  });
  // as the table in whose place it stands was sorted
  const [column, direction] = (table.dataset.sorted ?? "").split(" ");
  if (direction && headings[column]) sort(Number(column), direction === "descending");
};
for (const table of document.querySelectorAll("table.sortable")) makeSortable(table);
// of a part of the page that has been replaced
document.addEventListener("fresh", (event) => {
  for (const table of event.target.querySelectorAll("table.sortable")) makeSortable(table);
});
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
