// A table that the page came with, made to be searched, bounded and sorted. content.models has a row of figures for each.

const MODEL_COLUMNS = { name: 0, macs: 1, bytes: 3, top1: 4, latency_ms: 6 };
const AT_LEAST = "top1";

function browse(table, tools, count) {
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row, index) => ({ row, figures: content.models[index] }));
  const heads = [...table.tHead.rows[0].cells];
  const inputs = [...tools.querySelectorAll("input")];
  let column = null, down = false;

  function fits({ figures }) {
    return inputs.every(({ name, value }) => {
      const figure = figures[MODEL_COLUMNS[name]];
      if (value.trim() === "") return true;
      if (name === "name") return figure.toLowerCase().includes(value.trim().toLowerCase());
      return figure !== null && (name === AT_LEAST ? figure >= Number(value) : figure <= Number(value));
    });
  }

  function compare({ figures: one }, { figures: other }) {
    const [a, b] = [one[column], other[column]];
    if (a === null || b === null) return (a === null) - (b === null);  // What was not measured comes last either way.
    return (down ? -1 : 1) * (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b);
  }

  function show() {
    const found = rows.filter(fits);
    if (column !== null) found.sort(compare);
    body.replaceChildren(...found.map(({ row }) => row));
    count.value = found.length < rows.length ? `${number(found.length)} of ${number(rows.length)}` : number(rows.length);
    heads.forEach((head, index) => {
      if (index === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }

  heads.forEach((head, index) => {
    const button = element("button", { type: "button" }, head.textContent);
    button.addEventListener("click", () => {
      down = column === index ? !down : index >= 4 && index !== 6;  // The best first.
      column = index;
      show();
    });
    head.replaceChildren(button);
  });
  inputs.forEach((input) => input.addEventListener("input", show));
  tools.hidden = false;
  show();
}
