// What all of the page's scripts share. Text from outside goes in as text, never as HTML.

const content = JSON.parse(document.getElementById("content").textContent);

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
