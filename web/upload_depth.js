// A button on Load Metric Depth, and dropping on it, that put depth files into ComfyUI's input folder.
import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";

const NODE = "SpatialFusionLoadDepth";
const ENDINGS = [".npz", ".exr", ".png", ".json"];
const ACCEPT = ENDINGS.join(",");

const ending = (name) => name.slice(name.lastIndexOf(".")).toLowerCase();
const stem = (name) => name.slice(0, name.length - ending(name).length);
const isDepth = (file) => ENDINGS.includes(ending(file.name));

async function send(file, name, overwrite) {
  const body = new FormData();
  body.append("image", new File([file], name, { type: file.type }));
  if (overwrite) body.append("overwrite", "true");
  const answer = await api.fetchApi("/upload/image", { method: "POST", body });
  if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${answer.statusText}`);
  return (await answer.json()).name;
}

// The name of the last depth file in the input folder. The host gives a file another name where its own is taken, and
// the .json that belongs to a .png must follow it.
async function upload(files) {
  const notes = files.filter((file) => ending(file.name) === ".json");
  let last;
  for (const file of files.filter((file) => !notes.includes(file))) {
    const note = notes.find((other) => stem(other.name) === stem(file.name));
    if (ending(file.name) === ".png" && !note) {
      throw new Error(`${file.name} is depth only with its .json: choose both. For other pictures use Load Image.`);
    }
    last = await send(file, file.name, false);
    if (note) await send(note, `${stem(last)}.json`, true);
  }
  if (last === undefined) throw new Error("choose an .npz, an .exr, or a .png together with its .json.");
  return last;
}

async function take(node, files) {
  try {
    const name = await upload(files);
    const widget = node.widgets.find((widget) => widget.name === "file");
    if (!widget.options.values.includes(name)) widget.options.values.push(name);
    widget.value = name;
    widget.callback?.(name);
    node.graph?.setDirtyCanvas(true, true);
  } catch (error) {
    app.extensionManager.toast.add({ severity: "error", summary: "Depth file", detail: error.message, life: 8000 });
  }
}

app.registerExtension({
  name: "SpatialFusion.UploadDepth",
  nodeCreated(node) {
    if (node.comfyClass !== NODE) return;
    const input = document.createElement("input");
    Object.assign(input, { type: "file", accept: ACCEPT, multiple: true });
    input.onchange = () => {
      if (input.files.length) take(node, [...input.files]);
      input.value = "";
    };
    const button = node.addWidget("button", "choose depth file to upload", null, () => input.click(), {
      serialize: false,
    });
    button.serialize = false;
    const { onDragOver, onDragDrop } = node;
    node.onDragOver = function (event) {
      return [...(event.dataTransfer?.items ?? [])].some((item) => item.kind === "file") || onDragOver?.call(this, event);
    };
    node.onDragDrop = function (event) {
      const files = [...event.dataTransfer.files].filter(isDepth);
      if (!files.length) return onDragDrop?.call(this, event) ?? false;
      take(node, files);
      return true;
    };
  },
});
