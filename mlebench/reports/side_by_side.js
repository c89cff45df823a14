// A click on a stretch scrolls the other text to where the same stands, and shows it on both.
for (const pair of document.querySelectorAll(".pair")) {
  const sides = [...pair.querySelectorAll(".side")];
  const show = (line) => {
    for (const shown of pair.querySelectorAll(".shown")) shown.classList.remove("shown");
    for (const side of sides) {
      const same = side.querySelectorAll(`[data-stretch="${line.dataset.stretch}"]`);
      for (const other of same) other.classList.add("shown");
      if (same.length && !side.contains(line)) {
        const top = same[0].getBoundingClientRect().top - side.getBoundingClientRect().top;
        const there = line.getBoundingClientRect().top - line.closest(".side").getBoundingClientRect().top;
        side.scrollTop += top - Math.max(there, 24);
      }
    }
  };
  pair.addEventListener("click", (event) => {
    const line = event.target.closest("[data-stretch]");
    if (!line) return;
    if (event.target.closest("a")) event.preventDefault();
    show(line);
  });
}
// a link to a pair opens it
const openLinked = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (!target) return;
  const part = target.closest("details");
  if (part) part.open = true;
  target.scrollIntoView();
};
addEventListener("hashchange", openLinked);
openLinked();
