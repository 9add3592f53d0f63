// Files that are dropped on the page.

// take(files) gets what is dropped anywhere on the page; the veil shows that it would be taken.
export function listenToDrops(veilElement, take) {
  let depth = 0;
  const brings = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  const veil = (isThere) => {
    veilElement.hidden = !isThere;
  };
  addEventListener("dragenter", (event) => {
    if (brings(event)) {
      depth += 1;
      veil(true);
    }
  });
  addEventListener("dragleave", (event) => {
    if (brings(event)) {
      depth = Math.max(0, depth - 1);
      veil(depth > 0);
    }
  });
  addEventListener("dragover", (event) => {
    if (brings(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    depth = 0;
    veil(false);
    take([...event.dataTransfer.files]);
  });
}
