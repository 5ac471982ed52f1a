"use strict";
// Draws the charts, and makes the tables, which can be sorted and filtered. Text from outside goes in as text, never as HTML.
(() => {
  const content = JSON.parse(document.getElementById("content").textContent);
  const views = new Map(); // Chart id → its view.

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const byId = (id) => document.getElementById(id);
  const number = (value) => value.toLocaleString("en");
  const percent = (value) => (value === null ? "" : `${(100 * value).toFixed(1)} %`);
  const signed = (value) => `${value > 0 ? "+" : ""}${(100 * value).toFixed(1)}`;

  // Charts.

  function theme() {
    const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const [text, muted, line] = ["--text", "--muted", "--line"].map(color);
    const font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', Arial, sans-serif";
    return {
      background: "transparent", font,
      view: { stroke: null },
      axis: { labelColor: muted, titleColor: muted, gridColor: line, domainColor: line, tickColor: line, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500 },
      legend: { labelColor: text, titleColor: muted, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500, symbolStrokeWidth: 2, symbolBaseStrokeColor: muted },
      text: { color: text },
    };
  }

  async function draw(place) {
    const id = place.dataset.chart;
    views.get(id)?.finalize();
    try {
      // The interpreter (ast) needs no eval, which the page's policy forbids. No links lead out: actions are off.
      const options = { mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false, config: theme(), tooltip: { disableDefaultStyle: true } };
      const { view } = await vegaEmbed(place, content.charts[id], options);
      views.set(id, view);
      if (id === "classes") setNeedle();
    } catch (error) {
      place.replaceChildren(element("p", { class: "error" }, `This chart cannot be drawn: ${error.message}`));
      throw error;
    }
  }
  const drawAll = () => Promise.all([...document.querySelectorAll("[data-chart]")].map(draw));

  function setNeedle() {
    const view = views.get("classes");
    if (view) view.signal("needle", byId("class-filter").value.trim()).runAsync();
  }

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

  // Confusion. Cells come flat: label, predicted, pictures, label, …

  const confusion = content.confusion;

  function read(model) {
    const rows = new Map(), errors = [];
    const { cells } = confusion.models[model];
    for (let i = 0; i < cells.length; i += 3) {
      const [label, predicted, pictures] = cells.slice(i, i + 3);
      if (!rows.has(label)) rows.set(label, new Map());
      rows.get(label).set(predicted, pictures);
      if (label !== predicted) errors.push({ label, predicted, pictures });
    }
    errors.sort((a, b) => b.pictures - a.pictures || a.label - b.label || a.predicted - b.predicted);
    return { rows, errors, at: (label, predicted) => rows.get(label)?.get(predicted) ?? 0 };
  }

  function chosenClasses(of, focus) {
    const all = new Set([...of.rows.keys()]);
    for (const { predicted } of of.errors) all.add(predicted);
    if (focus === null && all.size <= confusion.drawn) return [...all].sort((a, b) => a - b);
    const chosen = new Set(focus === null ? [] : [focus]);
    const around = focus === null ? of.errors : of.errors.filter(({ label, predicted }) => label === focus || predicted === focus);
    for (const { label, predicted } of around) {
      if (new Set([...chosen, label, predicted]).size > confusion.drawn) break;
      chosen.add(label).add(predicted);
    }
    return [...chosen].sort((a, b) => a - b);
  }

  function drawMatrix(of, focus) {
    const chosen = chosenClasses(of, focus);
    const name = (label) => confusion.names[label];
    const worst = Math.max(1, ...chosen.flatMap((a) => chosen.filter((b) => b !== a).map((b) => of.at(a, b))));
    const head = element("tr", {}, element("th", {}, "label ↓  predicted →"));
    for (const label of chosen) head.append(element("th", { scope: "col", title: name(label) }, element("span", label === focus ? { class: "focus" } : {}, name(label))));
    const body = element("tbody");
    for (const label of chosen) {
      const row = element("tr", {}, element("th", { scope: "row", title: name(label), class: label === focus ? "focus" : "" }, name(label)));
      const pictures = [...(of.rows.get(label)?.values() ?? [])].reduce((sum, each) => sum + each, 0);
      for (const predicted of chosen) row.append(matrixCell(of.at(label, predicted), pictures, worst, label, predicted));
      body.append(row);
    }
    const table = byId("confusion-matrix");
    table.className = `matrix ${chosen.length > 20 ? "many" : chosen.length > 12 ? "" : "few"}`.trim();
    table.replaceChildren(element("thead", {}, head), body);
    byId("confusion-caption").textContent = caption(chosen.length, focus);
  }

  function matrixCell(count, pictures, worst, label, predicted) {
    const title = `${confusion.names[label]} → ${confusion.names[predicted]}: ${number(count)} of ${number(pictures)}`;
    const made = element("td", { title }, count ? String(count) : "");
    const right = label === predicted;
    const strength = right ? (pictures ? count / pictures : 0) * 0.45 : 0.15 + 0.75 * (count / worst);
    if (count) made.style.backgroundColor = `rgba(var(${right ? "--heat-right" : "--heat"}), ${strength.toFixed(3)})`;
    return made;
  }

  function caption(drawn, focus) {
    const classes = confusion.names.length - 1; // Without the background.
    if (focus !== null) return `${confusion.names[focus]} and what it is confused with. Pictures; blue is right, orange wrong.`;
    const which = drawn >= classes ? "All classes." : `The ${drawn} classes of the most frequent errors, of ${number(classes)}; give a class's name to look at another.`;
    return `${which} Pictures; blue is right, orange wrong.`;
  }

  function drawOverview(of, look) {
    const side = confusion.names.length, canvas = byId("overview-canvas");
    byId("overview").hidden = side <= confusion.drawn + 1;
    canvas.width = canvas.height = side;
    const paint = canvas.getContext("2d"), dot = Math.max(1, Math.round(side / 400)), half = Math.floor(dot / 2);
    const [r, g, b] = getComputedStyle(document.documentElement).getPropertyValue("--heat").split(",");
    for (const { label, predicted, pictures } of of.errors) {
      paint.fillStyle = `rgba(${r},${g},${b},${Math.min(1, 0.45 + 0.15 * pictures)})`;
      paint.fillRect(predicted - half, label - half, dot, dot);
    }
    const cellAt = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientY - box.top, event.clientX - box.left].map((at) => Math.floor((at / box.width) * side));
    };
    canvas.onmousemove = (event) => {
      const cell = nearestError(of, ...cellAt(event), half + 2);
      byId("overview-cell").value = cell ? `${confusion.names[cell.label]} → ${confusion.names[cell.predicted]}: ${of.at(cell.label, cell.predicted)}` : "";
    };
    canvas.onclick = (event) => {
      const cell = nearestError(of, ...cellAt(event), half + 2);
      if (cell) look(cell.label);
    };
  }

  // A screen has fewer points than the matrix has cells: what is meant is the error next to the pointer.
  function nearestError(of, label, predicted, reach) {
    let best = null;
    for (let a = label - reach; a <= label + reach; a++) {
      for (let b = predicted - reach; b <= predicted + reach; b++) {
        const pictures = a === b ? 0 : of.at(a, b), far = (a - label) ** 2 + (b - predicted) ** 2;
        if (pictures && (!best || far < best.far || (far === best.far && pictures > best.pictures))) best = { label: a, predicted: b, pictures, far };
      }
    }
    return best;
  }

  function confusionSection() {
    const model = byId("confusion-model"), search = byId("confusion-class");
    const other = () => Object.keys(confusion.models).find((name) => name !== model.value);
    const known = Object.fromEntries(Object.keys(confusion.models).map((name) => [name, read(name)]));
    const name = (label) => confusion.names[label];
    byId("class-names").append(...confusion.names.slice(1).map((value) => element("option", { value })));
    const columns = () => [
      { title: "label", value: (pair) => name(pair.label) },
      { title: "predicted", value: (pair) => name(pair.predicted) },
      { title: "pictures", value: (pair) => pair.pictures, show: number, number: true },
      ...(other() ? [{ title: `with ${other()}`, value: (pair) => known[other()].at(pair.label, pair.predicted), show: number, number: true }] : []),
    ];
    let fill = null;
    const filter = byId("pair-filter");
    const text = (pair) => `${name(pair.label)} ${name(pair.predicted)}`;
    const focus = () => {
      const wanted = search.value.trim().toLowerCase();
      if (!wanted) return null;
      const names = confusion.names.map((each) => each.toLowerCase());
      const label = names.indexOf(wanted) >= 0 ? names.indexOf(wanted) : names.findIndex((each, index) => index && each.includes(wanted));
      return label >= 0 ? label : null;
    };
    const matrix = () => drawMatrix(known[model.value], focus());
    const all = () => {
      matrix();
      drawOverview(known[model.value], (label) => { search.value = name(label); matrix(); byId("confusion").scrollIntoView(); });
      fill ??= sortable(byId("pair-table"), columns(), { filter, count: byId("pair-count"), text, most: 200, order: { column: 2, down: true } });
      fill(known[model.value].errors);
    };
    model.addEventListener("change", () => { fill = null; all(); });
    search.addEventListener("input", matrix);
    all();
  }

  if (content.classes.rows.length) classTable();
  if (confusion) confusionSection();
  document.documentElement.dataset.tables = "made";
  const finished = () => { document.documentElement.dataset.charts = "drawn"; };
  drawAll().then(finished);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
