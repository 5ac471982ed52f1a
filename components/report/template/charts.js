// Draws the charts with Vega, in the page's colours.

const views = new Map(); // Chart id → its view.

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
