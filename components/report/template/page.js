// What happens when the page is opened.

if (content.classes.rows.length) classTable();
const repaint = confusion ? confusionSection() : () => {};
document.documentElement.dataset.tables = "made";
const finished = () => { document.documentElement.dataset.charts = "drawn"; };
drawAll().then(finished);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { repaint(); drawAll(); });
