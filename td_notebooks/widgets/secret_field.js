// A field for a secret. What is typed leaves the browser as a custom message, never as a trait:
// traits are kept in saved notebooks and echoed to every client of the kernel.

function render({ model, el }) {
  const several = model.get("several_lines");
  // Each widget has a copy of this module, so a count would give several the same id.
  const id = `td-secret-${Math.random().toString(36).slice(2)}`;
  el.classList.add("td-secret");

  const label = document.createElement("label");
  label.htmlFor = id;
  label.textContent = label.title = model.get("label");

  const input = document.createElement(several ? "textarea" : "input");
  input.id = id;
  if (several) input.rows = 4;
  else input.type = "password";
  input.autocomplete = "off";
  input.spellcheck = false;
  // JupyterLab must not take what is typed for its shortcuts.
  input.dataset.lmSuppressShortcuts = "true";

  const send = (kind) => model.send({ kind, text: input.value });
  input.addEventListener("change", () => send("typed"));
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter" && (!several || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      send("submit");
    }
  });

  const column = document.createElement("div");
  column.className = "td-secret-column";
  column.append(input);
  if (several) {
    input.placeholder = "-----BEGIN PRIVATE KEY----- … , or the path of a file beside the kernel";
    const file = document.createElement("input");
    file.type = "file";
    file.setAttribute("aria-label", `${model.get("label")}: file on this computer`);
    file.addEventListener("change", async () => {
      if (!file.files.length) return;
      input.value = await file.files[0].text();
      file.value = "";
      send("typed");
    });
    column.append(file);
  }
  el.append(label, column);

  const obey = () => {
    for (const each of column.children) each.disabled = model.get("disabled");
  };
  const clear = (message) => {
    if (message.kind === "clear") input.value = "";
  };
  obey();
  model.on("change:disabled", obey);
  model.on("msg:custom", clear);
  return () => {
    model.off("change:disabled", obey);
    model.off("msg:custom", clear);
  };
}

export default { render };
