// Tables: columns are {title, value, show?, number?, tone?}.

function sortable(table, columns, { filter, count, text, most = Infinity, order }) {
  let rows = [], column = order.column, down = order.down;
  const body = element("tbody");
  const heads = columns.map(({ title, number: right }, index) => {
    const button = element("button", { type: "button" }, title);
    button.addEventListener("click", () => {
      down = column === index ? !down : Boolean(right);
      column = index;
      show();
    });
    return element("th", { scope: "col", class: right ? "number" : "" }, button);
  });
  table.replaceChildren(element("thead", {}, element("tr", {}, ...heads)), body);

  function show() {
    const needle = filter.value.trim().toLowerCase();
    const found = needle ? rows.filter((row) => text(row).toLowerCase().includes(needle)) : [...rows];
    const { value } = columns[column];
    const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : (a ?? -Infinity) - (b ?? -Infinity));
    found.sort((a, b) => (down ? -1 : 1) * compare(value(a), value(b)));
    heads.forEach((head, index) => {
      if (index === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    body.replaceChildren(...found.slice(0, most).map((row) => element("tr", {}, ...columns.map((each) => cell(each, row)))));
    const shown = Math.min(found.length, most);
    count.value = shown < rows.length ? `${number(shown)} of ${number(rows.length)}` : number(rows.length);
  }
  filter.addEventListener("input", show);
  return (given) => { rows = given; show(); };
}

function cell({ value, show, number: right, tone }, row) {
  const found = value(row);
  const classes = [right ? "number" : "", tone && found ? (found < 0 ? "lost" : "won") : ""].join(" ").trim();
  return element("td", classes ? { class: classes } : {}, show ? show(found) : String(found));
}

function classTable() {
  const at = Object.fromEntries(content.classes.columns.map((name, index) => [name, index]));
  const of = (name) => (row) => row[at[name]];
  const columns = [
    { title: "class", value: of("name") },
    { title: "pictures", value: of("pictures"), show: number, number: true },
    { title: "float", value: of("float"), show: percent, number: true },
    { title: "int8", value: of("int8"), show: percent, number: true },
    { title: "points", value: of("difference"), show: signed, number: true, tone: true },
    { title: "lost", value: of("lost"), show: number, number: true },
    { title: "gained", value: of("gained"), show: number, number: true },
    { title: "precision of int8", value: of("precision"), show: percent, number: true },
  ];
  const filter = byId("class-filter");
  const fill = sortable(byId("class-table"), columns, { filter, count: byId("class-count"), text: of("name"), order: { column: 4, down: false } });
  fill(content.classes.rows);
  filter.addEventListener("input", setNeedle);
}
