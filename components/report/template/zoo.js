// What happens when the zoo's page is opened.

browse(document.querySelector("table.models"), byId("browse"), byId("browse-count"));
const finished = () => { document.documentElement.dataset.charts = "drawn"; };
drawAll().then(finished);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
