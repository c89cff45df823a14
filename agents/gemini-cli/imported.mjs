// Removes the scripts of a bundle that its entry cannot reach: several builds of the program lie side by side in the package.
//     node imported.mjs ENTRY
import fs from "node:fs";
import path from "node:path";

const entry = path.resolve(process.argv[2]);
const folder = path.dirname(entry);
const reached = new Set();
const open = [path.basename(entry)];
while (open.length) {
  const name = open.pop();
  if (reached.has(name) || !fs.existsSync(path.join(folder, name))) continue;
  reached.add(name);
  const text = fs.readFileSync(path.join(folder, name), "utf8");
  for (const found of text.matchAll(/["'`]\.\/([\w.-]+\.m?js)["'`]/g)) open.push(found[1]);
}
for (const name of fs.readdirSync(folder)) {
  if (/\.m?js$/.test(name) && !reached.has(name)) fs.rmSync(path.join(folder, name));
}
