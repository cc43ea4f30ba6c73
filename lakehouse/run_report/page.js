// Draws the figures in the colours of the page, and again when its width or its colours change, or it is printed.
"use strict";
(() => {
  const PAPER_WIDTH = 680; // pixels between the margins of A4 and Letter
  const root = document.documentElement;
  const plots = [...document.querySelectorAll(".plot")].map((div) => ({
    div,
    figure: JSON.parse(document.getElementById(div.dataset.figure).textContent),
  }));
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  function draw() {
    const axis = { gridcolor: colour("--line"), linecolor: colour("--line"), zerolinecolor: colour("--line") };
    for (const { div, figure } of plots) {
      // A figure in a cell keeps the width that the table gives it; others fill the paper, however wide the window is.
      const onPaper = "print" in root.dataset && !div.closest("td");
      const width = onPaper ? PAPER_WIDTH : Math.max(div.parentElement.clientWidth, 120);
      const narrow = width < 560;
      const layout = {
        ...figure.layout,
        width,
        autosize: false,
        font: { color: colour("--text"), size: narrow ? 10 : 12, family: "system-ui, sans-serif" },
        paper_bgcolor: colour("--paper"),
        plot_bgcolor: colour("--paper"),
        xaxis: { ...figure.layout.xaxis, ...axis },
        yaxis: { ...figure.layout.yaxis, ...axis },
      };
      const data = structuredClone(figure.data);
      if (narrow && data[0].type === "sankey") {
        data[0].node.label = data[0].node.label.map((label) => label.replace(/ ([^ ]+)$/, "<br>$1"));
      }
      Plotly.react(div, data, layout, { displayModeBar: false, staticPlot: "print" in root.dataset });
    }
  }

  function print(on) {
    if (on) root.dataset.print = "";
    else delete root.dataset.print;
    draw();
  }

  draw();
  root.dataset.drawn = "";
  let width = root.clientWidth;
  addEventListener("resize", () => {
    if (root.clientWidth !== width && !("print" in root.dataset)) {
      width = root.clientWidth;
      draw();
    }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
})();
