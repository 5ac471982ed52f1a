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
    const cell = strongestError(of, ...cellAt(event), half + 2);
    byId("overview-cell").value = cell ? `${confusion.names[cell.label]} → ${confusion.names[cell.predicted]}: ${of.at(cell.label, cell.predicted)}` : "";
  };
  canvas.onclick = (event) => {
    const cell = strongestError(of, ...cellAt(event), half + 2);
    if (cell) look(cell.label);
  };
}

// A screen has fewer points than the matrix has cells: what is meant is the strongest error next to the pointer.
function strongestError(of, label, predicted, reach) {
  let best = null;
  for (let a = label - reach; a <= label + reach; a++) {
    for (let b = predicted - reach; b <= predicted + reach; b++) {
      const pictures = a === b ? 0 : of.at(a, b), far = (a - label) ** 2 + (b - predicted) ** 2;
      const stronger = !best || pictures > best.pictures || (pictures === best.pictures && far < best.far);
      if (pictures && stronger) best = { label: a, predicted: b, pictures, far };
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
  const columns = [
    { title: "label", value: (pair) => name(pair.label) },
    { title: "predicted", value: (pair) => name(pair.predicted) },
    { title: "pictures", value: (pair) => pair.pictures, show: number, number: true },
    ...(other() ? [{ title: "with the other model", value: (pair) => known[other()].at(pair.label, pair.predicted), show: number, number: true }] : []),
  ];
  const filter = byId("pair-filter");
  const text = (pair) => `${name(pair.label)} ${name(pair.predicted)}`;
  const fill = sortable(byId("pair-table"), columns, { filter, count: byId("pair-count"), text, most: 200, order: { column: 2, down: true } });
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
    fill(known[model.value].errors);
  };
  model.addEventListener("change", all);
  search.addEventListener("input", matrix);
  all();
  return all;
}
