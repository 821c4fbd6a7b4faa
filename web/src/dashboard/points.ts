// The last 15 minutes, in points of some seconds each.
import type { Point } from "./types.js";

export const KINDS = ["bytes", "content", "question", "near", "paid"] as const;
export type Kind = (typeof KINDS)[number];

const POINTS = 180;

/** Keeps the points of the window, in order, also where an event has only those that have changed. */
export class PointWindow {
  private byTime = new Map<number, Point>();

  get points(): Point[] {
    return [...this.byTime.keys()].sort((a, b) => a - b).map((at) => this.byTime.get(at)!);
  }

  /** Take over these points, and forget those that the window has left. */
  merge(points: Point[], secondsPerPoint: number): void {
    if (points.length >= POINTS) this.byTime.clear();
    for (const point of points) this.byTime.set(Date.parse(point.at), point);
    const first = Math.max(...this.byTime.keys()) - (POINTS - 1) * secondsPerPoint * 1000;
    for (const at of this.byTime.keys()) if (at < first) this.byTime.delete(at);
  }

}

export type Counts = Record<Kind, number>;

/** The counts of each minute of these points, the newest first, by the moment the minute begins. */
export function byMinute(points: Point[]): { at: number; counts: Counts }[] {
  const minutes = new Map<number, Counts>();
  for (const point of points) {
    const at = Math.floor(Date.parse(point.at) / 60_000) * 60_000;
    const counts = minutes.get(at) ?? { bytes: 0, content: 0, question: 0, near: 0, paid: 0 };
    for (const kind of KINDS) counts[kind] += point[kind];
    minutes.set(at, counts);
  }
  return [...minutes].sort(([a], [b]) => b - a).map(([at, counts]) => ({ at, counts }));
}
