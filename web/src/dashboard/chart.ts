// A chart of uPlot, which draws on a canvas: the arrow keys and a line of text make it readable without seeing it.
import uPlot from "uplot";
import { h } from "../shared/dom.js";

export interface Line {
  /** The names of CSS variables. */
  stroke: string;
  fill?: string;
  width?: number;
  dash?: number[];
}

export interface ChartOptions {
  lines: Line[];
  label: string;
  /** What stands below the chart while a point is looked at. */
  read(at: number): string;
  x(value: number): string;
  y(value: number): string;
  /** The steps that the ticks of the time axis may have. */
  steps: number[];
  height: number;
}

/** The value of a CSS variable, as it is in the scheme of the moment. */
const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Chart {
  readonly element: HTMLElement;
  private readonly canvas = h("div", { class: "canvas", attrs: { "aria-hidden": "true" } });
  private readonly reading = h("p", { class: "reading", attrs: { "aria-live": "polite" } });
  private readonly plot: uPlot;
  private readonly scheme = matchMedia("(prefers-color-scheme: dark)");
  private readonly redraw = () => this.plot.redraw(false, true);
  private readonly sizes = new ResizeObserver(() => this.fit());
  private at: number | null = null;

  constructor(private readonly options: ChartOptions) {
    this.element = h(
      "div",
      {
        class: "chart",
        tabIndex: 0,
        attrs: { role: "group", "aria-label": options.label },
        on: { keydown: (event) => this.key(event) },
      },
      this.canvas,
      this.reading,
    );
    this.plot = new uPlot(plotOptions(options, (at) => this.look(at)), [[], ...options.lines.map(() => [])], this.canvas);
    this.sizes.observe(this.element);
    this.scheme.addEventListener("change", this.redraw);
  }

  setData(data: number[][]): void {
    this.plot.setData(data as uPlot.AlignedData);
    if (this.at !== null) this.look(Math.min(this.at, (data[0]?.length ?? 1) - 1));
  }

  destroy(): void {
    this.sizes.disconnect();
    this.scheme.removeEventListener("change", this.redraw);
    this.plot.destroy();
  }

  private fit(): void {
    const width = this.element.clientWidth;
    if (width) this.plot.setSize({ width, height: this.options.height });
  }

  private look(at: number | null): void {
    this.at = at;
    this.reading.textContent = at === null ? "" : this.options.read(at);
  }

  private key(event: KeyboardEvent): void {
    const last = this.plot.data[0].length - 1;
    const moves: Record<string, number> = {
      ArrowLeft: (this.at ?? last + 1) - 1,
      ArrowRight: (this.at ?? last - 1) + 1,
      Home: 0,
      End: last,
    };
    const to = moves[event.key];
    if (event.key === "Escape") this.point(null);
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this.point(Math.min(Math.max(to, 0), last));
  }

  private point(at: number | null): void {
    const value = at === null ? undefined : this.plot.data[0][at];
    const left = value === undefined ? -10 : this.plot.valToPos(value, "x");
    this.plot.setCursor({ left, top: value === undefined ? -10 : 0 }, false);
    this.look(at);
  }
}

function plotOptions(options: ChartOptions, look: (at: number | null) => void): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: () => css("--ink-soft"),
    font: `12px ${css("--family")}`,
    ticks: { show: false },
  };
  return {
    width: 300,
    height: options.height,
    legend: { show: false },
    padding: [8, 24, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: { x: { time: false }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, incrs: options.steps, space: 70, size: 32, values: (_, at) => at.map(options.x) },
      { ...axis, grid: { stroke: () => css("--hairline"), width: 1 }, size: widthOf, space: 40, values: (_, at) => at.map(options.y) },
    ],
    series: [{}, ...options.lines.map(lineOf)],
    hooks: { setCursor: [(plot) => plot.cursor.event && look(plot.cursor.idx ?? null)] },
  };
}

/** As much as the longest label takes, of figures that are all as wide. */
function widthOf(_: uPlot, labels: string[] | null): number {
  return Math.max(...(labels ?? []).map((label) => label.length), 4) * 7 + 14;
}

function lineOf(line: Line): uPlot.Series {
  return {
    stroke: () => css(line.stroke),
    ...(line.fill === undefined ? {} : { fill: () => css(line.fill!) }),
    width: line.width ?? 0,
    ...(line.dash ? { dash: line.dash } : {}),
    points: { show: false },
  };
}
