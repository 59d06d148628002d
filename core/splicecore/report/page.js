"use strict";
(() => {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const root = document.documentElement;
  const views = new Map(); // number of a gene -> its drawn track
  const UNIT = 10000; // scores are whole numbers of ten-thousandths
  const AROUND = 150; // bases on either side of a position that a link goes to
  const LEAST = 12; // bases that are shown at least
  const [LEFT, RIGHT] = [86, 12]; // pixels beside the frame of a plot

  // ------------------------------------------------------------------------------------------------------- colors
  const dark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const color = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  function redraw() {
    for (const [number, view] of [...views]) {
      const { start, end } = view.range;
      drop(number);
      draw(number, [start, end]);
    }
  }
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

  // --------------------------------------------------------------------------------------------------------- data
  function running(start, steps) {
    let at = start;
    return steps.map((step) => (at += step));
  }
  function pairs(values, offset) {
    const found = [];
    for (let k = 0; k < values.length; k += 2) found.push([values[k] + offset, values[k + 1] + offset]);
    return found;
  }
  function decode(gene) {
    const track = gene.track;
    const bounds = running(gene.start, track.uncertain);
    return {
      exons: pairs(track.exons, gene.start),
      canonical: pairs(track.canonical, gene.start),
      at: running(gene.start, track.at),
      uncertain: pairs(bounds, 0),
      calls: track.calls.map((offset) => offset + gene.start),
    };
  }

  // ------------------------------------------------------------------------------------------------------- tracks
  // A base is drawn around its position, from half a base before to half a base after.
  const edge = (spans, y, half) => ({
    left: spans.map((span) => span[0] - 0.5),
    right: spans.map((span) => span[1] - 0.5),
    bottom: spans.map(() => y - half),
    top: spans.map(() => y + half),
  });
  const source = (columns) => new Bokeh.ColumnDataSource({ data: columns });
  const field = (name) => ({ field: name });

  function figure(range, height, last, extra) {
    const P = Bokeh.Plotting;
    const plot = P.figure({
      height,
      sizing_mode: "stretch_width",
      x_range: range,
      tools: [],
      toolbar_location: null,
      output_backend: "canvas",
      background_fill_color: color("--paper"),
      border_fill_color: color("--paper"),
      outline_line_color: color("--line"),
      min_border_left: LEFT,
      min_border_right: RIGHT,
      min_border_top: 4,
      min_border_bottom: last ? 34 : 4,
      ...extra,
    });
    const [x, y] = [plot.xaxis, plot.yaxis];
    for (const axis of [x, y]) {
      axis.axis_line_color = color("--line");
      axis.major_tick_line_color = color("--line");
      axis.minor_tick_line_color = null;
      axis.major_label_text_color = color("--soft");
      axis.axis_label_text_color = color("--ink");
      axis.axis_label_text_font_style = "normal";
      axis.major_label_text_font_size = "11px";
      axis.axis_label_text_font_size = "12px";
    }
    x.formatter = new Bokeh.NumeralTickFormatter({ format: "0,0" });
    x.visible = last;
    plot.xgrid.grid_line_color = color("--line");
    plot.xgrid.grid_line_alpha = 0.5;
    plot.ygrid.grid_line_color = color("--line");
    plot.ygrid.grid_line_alpha = 0.5;
    return plot;
  }

  function geneModel(gene, found, range) {
    const rows = [["exons", 3]];
    if (found.canonical.length) rows.push(["canonical", 2]);
    if (data.meta) rows.push(["uncertain", 1]);
    rows.push([data.meta ? "changed" : "differs", 0]);
    const shown = new Map(rows.map(([name], k) => [name, rows.length - 1 - k]));
    const plot = figure(range, 26 * rows.length + 8, false, {
      y_range: new Bokeh.Range1d({ start: -0.6, end: rows.length - 0.4 }),
    });
    plot.yaxis.ticker = new Bokeh.FixedTicker({ ticks: [...shown.values()] });
    plot.yaxis.major_label_overrides = new Map([...shown].map(([name, y]) => [y, name]));
    plot.ygrid.visible = false;
    const exon = color("--exon");
    for (const [name, spans] of [["exons", found.exons], ["canonical", found.canonical]]) {
      const y = shown.get(name);
      if (y === undefined || !spans.length) continue;
      const ends = [spans[0][0], spans[spans.length - 1][1]];
      plot.line({ x: ends, y: [y, y], line_color: exon, line_width: 1 });
      plot.quad({ ...named(["left", "right", "top", "bottom"]), source: source(edge(spans, y, 0.32)),
        fill_color: exon, line_color: exon, line_width: 1 });
    }
    if (shown.has("uncertain"))
      plot.quad({ ...named(["left", "right", "top", "bottom"]), source: source(edge(found.uncertain, shown.get("uncertain"), 0.26)),
        fill_color: color("--uncertain"), line_color: color("--uncertain"), line_width: 1, line_alpha: 0.6 });
    const last = shown.get(rows[rows.length - 1][0]);
    plot.scatter({ x: field("x"), y: field("y"), marker: "inverted_triangle", size: 9, line_color: null,
      source: source({ x: found.calls, y: found.calls.map(() => last) }), fill_color: color("--call") });
    return plot;
  }
  const named = (names) => Object.fromEntries(names.map((name) => [name, field(name)]));

  function scores(gene, found, range, title, values, last) {
    const plot = figure(range, last ? 176 : 146, last, { y_range: new Bokeh.Range1d({ start: 0, end: 1.08 }) });
    plot.yaxis.axis_label = title;
    const ticker = new Bokeh.FixedTicker({ ticks: [0, 0.5, 1] });
    plot.yaxis.ticker = ticker;
    plot.ygrid.ticker = ticker;
    if (last) plot.xaxis.axis_label = `position on ${gene.contig}, strand ${gene.strand} (0-based)`;
    const exons = edge(found.exons, 0.54, 0.54);
    plot.quad({ ...named(["left", "right", "top", "bottom"]), source: source(exons),
      fill_color: color("--exon"), fill_alpha: 0.1, line_color: null });
    const drawn = [];
    for (const [k, name] of ["acceptor", "donor"].entries()) {
      const keep = found.at.map((_, row) => row).filter((row) => values[k][row] >= data.drawn * UNIT);
      const columns = {
        x: keep.map((row) => found.at[row]),
        score: keep.map((row) => values[k][row] / UNIT),
        zero: keep.map(() => 0),
        kind: keep.map(() => name),
      };
      const points = source(columns);
      const ink = color(k ? "--donor" : "--acceptor");
      const limit = data.called[title][k];
      plot.add_layout(new Bokeh.Span({ dimension: "width", location: limit, line_color: ink, line_alpha: 0.55,
        line_dash: k ? [2, 4] : [6, 4] }));
      plot.segment({ x0: field("x"), x1: field("x"), y0: field("zero"), y1: field("score"), source: points,
        line_color: ink, line_width: 1.5 });
      drawn.push(plot.scatter({ x: field("x"), y: field("score"), source: points, size: k ? 6 : 7,
        marker: k ? "square" : "circle", fill_color: ink, line_color: null }));
    }
    plot.add_tools(new Bokeh.HoverTool({ renderers: drawn, tooltips: [["position", "@x{0,0}"], [title, "@kind @score{0.0000}"]] }));
    return plot;
  }

  function draw(number, view) {
    const gene = data.genes[number];
    const found = decode(gene);
    const pad = Math.max(20, (gene.end - gene.start) * 0.01);
    const whole = [gene.start - pad, gene.end + pad];
    const [start, end] = view || whole;
    const range = new Bokeh.Range1d({ start, end, bounds: limits(whole), min_interval: LEAST });
    const plots = [geneModel(gene, found, range), scores(gene, found, range, "base", gene.track.base, !data.meta)];
    if (data.meta) plots.push(scores(gene, found, range, "final", gene.track.final, true));
    const place = document.getElementById(`plot-${number}`);
    place.replaceChildren();
    const stack = new Bokeh.Column({ children: plots, sizing_mode: "stretch_width", spacing: 0 });
    views.set(number, { range, whole, shown: Bokeh.Plotting.show(stack, place) });
    const note = () => {
      const text = `${gene.contig}:${Math.max(0, Math.round(range.start)) + 1}-${Math.round(range.end)}`;
      document.getElementById(`where-${number}`).textContent = text.replace(/\d+(?=[-]|$)/g, (n) => (+n).toLocaleString("en"));
    };
    range.change.connect(note);
    note();
  }

  function drop(number) {
    const view = views.get(number);
    views.delete(number);
    view.shown.then((drawn) => (Array.isArray(drawn) ? drawn : [drawn]).forEach((one) => one.model.document?.clear()));
  }

  // ---------------------------------------------------------------------------------------------- moving and zooming
  const limits = ([start, end]) => [start - 2 * AROUND, end + 2 * AROUND];

  function zoom(number, start, end) {
    const { range, whole } = views.get(number);
    const [low, high] = limits(whole);
    const span = Math.min(Math.max(end - start, LEAST), high - low);
    const from = Math.min(Math.max(start, low), high - span);
    range.setv({ start: from, end: from + span });
  }
  function scale(number, factor, share = 0.5) {
    const { start, end } = views.get(number).range;
    const span = (end - start) * factor;
    const fixed = start + (end - start) * share;
    zoom(number, fixed - span * share, fixed + span * (1 - share));
  }
  function move(number, bases) {
    const { start, end } = views.get(number).range;
    zoom(number, start + bases, end + bases);
  }

  for (const plot of document.querySelectorAll(".plot")) {
    const number = Number(plot.closest("details").dataset.gene);
    const frame = () => plot.clientWidth - LEFT - RIGHT;
    const share = (event) => (event.clientX - plot.getBoundingClientRect().left - LEFT) / frame();
    const span = () => views.get(number).range.end - views.get(number).range.start;
    plot.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      scale(number, event.deltaY > 0 ? 1.25 : 0.8, Math.min(1, Math.max(0, share(event))));
    }, { passive: false });
    plot.addEventListener("dblclick", (event) => scale(number, 0.5, share(event)));
    let last = null;
    plot.addEventListener("pointerdown", (event) => {
      if (event.button === 0) last = event.clientX;
    });
    addEventListener("pointermove", (event) => {
      if (last === null) return;
      move(number, ((last - event.clientX) / frame()) * span());
      last = event.clientX;
    });
    for (const ending of ["pointerup", "pointercancel", "blur"]) addEventListener(ending, () => (last = null));
    plot.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: -0.2, ArrowRight: 0.2 }[event.key];
      const factor = { "+": 0.5, "-": 2 }[event.key];
      if (moves === undefined && factor === undefined) return;
      event.preventDefault();
      if (moves !== undefined) move(number, moves * span());
      else scale(number, factor);
    });
  }

  function open(number) {
    const details = document.getElementById(`gene-${number}`);
    details.open = true;
    if (!views.has(number)) draw(number);
    return details;
  }
  function go(number, position) {
    const details = open(number);
    zoom(number, position - AROUND, position + AROUND);
    details.scrollIntoView({ block: "start" });
  }

  for (const details of document.querySelectorAll("details.gene"))
    details.addEventListener("toggle", () => {
      const number = Number(details.dataset.gene);
      if (details.open && !views.has(number)) draw(number);
    });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom]");
    if (button) {
      const number = Number(button.closest("details").dataset.gene);
      const factor = Number(button.dataset.zoom);
      if (factor) scale(number, factor);
      else zoom(number, ...views.get(number).whole);
    }
    const link = event.target.closest("a[data-gene]");
    if (link) {
      event.preventDefault();
      if (link.dataset.position === undefined) open(Number(link.dataset.gene)).scrollIntoView({ block: "start" });
      else go(Number(link.dataset.gene), Number(link.dataset.position));
    }
  });

  // ------------------------------------------------------------------------------------------------------- tables
  for (const head of document.querySelectorAll("table.sortable th")) {
    head.tabIndex = 0;
    const sort = () => {
      const table = head.closest("table");
      const column = [...head.parentNode.children].indexOf(head);
      const down = head.getAttribute("aria-sort") === "descending";
      for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "ascending" : "descending");
      const body = table.tBodies[0];
      const key = (row) => {
        const cell = row.cells[column];
        return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value);
      };
      const order = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en"));
      const rows = [...body.rows].map((row) => [key(row), row]);
      rows.sort((a, b) => order(a[0], b[0]) * (down ? 1 : -1));
      body.append(...rows.map(([, row]) => row));
    };
    head.addEventListener("click", sort);
    head.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        sort();
      }
    });
  }

  window.splicecoreReport = { views, data };
  const first = document.querySelector("details.gene");
  if (first) open(Number(first.dataset.gene));
})();
