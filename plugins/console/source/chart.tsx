// Charts of the last minutes, as SVG: lines over time with a scale, and small ones without.

import { short } from "./format";

export interface Line {
  name: string;
  kind: "main" | "second" | "bad";
  values: (number | undefined)[];
}

const width = 600;
const height = 150;
const spans = [60, 300]; // seconds: a young page fills a minute first

function ceiling(value: number): number {
  if (value <= 0) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 2, 2.5, 5, 10]) if (value <= step * unit) return step * unit;
  return 10 * unit;
}

// A path through the points there are; the youngest is at the right edge.
function path(values: (number | undefined)[], top: number, wide: number, high: number, slots: number): string {
  let out = "";
  let drawing = false;
  values.forEach((value, at) => {
    if (value === undefined) {
      drawing = false;
      return;
    }
    const x = wide - ((values.length - 1 - at) / (slots - 1)) * wide;
    const y = high - (Math.min(value, top) / top) * high;
    out += `${drawing ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    drawing = true;
  });
  return out;
}

// Latencies come in bursts: points that are not known take the value before.
export function held(values: (number | undefined)[]): (number | undefined)[] {
  let last: number | undefined;
  return values.map((value) => (last = value ?? last));
}

export function Chart(props: {
  title: string;
  lines: Line[];
  format?: (value: number) => string;
  note?: string;
}) {
  const format = props.format ?? short;
  const known = props.lines.flatMap((line) => line.values.filter((value) => value !== undefined)) as number[];
  const top = ceiling(Math.max(0, ...known));
  const newest = (line: Line) => {
    const value = line.values[line.values.length - 1];
    return value === undefined ? "–" : format(value);
  };
  const knownSeconds = Math.max(0, ...props.lines.map((line) => line.values.length));
  const span = spans.find((seconds) => knownSeconds <= seconds) ?? spans[spans.length - 1];
  const told = props.lines.map((line) => `${line.name} ${newest(line)}`).join(", ");
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{props.title}</span>
        <span class="legend">
          {props.lines.map((line) => (
            <span class={`key key-${line.kind}`} key={line.name}>
              {line.name} <b>{newest(line)}</b>
            </span>
          ))}
        </span>
      </figcaption>
      <div class="plot">
        <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={`${props.title}: ${told}`}>
          {[0, 0.5, 1].map((part) => (
            <line class="grid" x1="0" x2={width} y1={height * part} y2={height * part} key={part} />
          ))}
          {props.lines.map((line) => {
            const drawn = path(line.values, top, width, height, span);
            return <path class={`line line-${line.kind}`} d={drawn} key={line.name} />;
          })}
        </svg>
        <span class="scale scale-top">{format(top)}</span>
        <span class="scale scale-middle">{format(top / 2)}</span>
        <span class="scale scale-from">{span / 60} min ago</span>
        <span class="scale scale-to">now</span>
      </div>
      {props.note && <p class="note">{props.note}</p>}
    </figure>
  );
}

export function Spark(props: { values: (number | undefined)[]; kind: Line["kind"] }) {
  const recent = props.values.slice(-60);
  const top = Math.max(1, ...(recent.filter((value) => value !== undefined) as number[]));
  return (
    <svg class="spark" viewBox="0 0 120 28" preserveAspectRatio="none" aria-hidden="true">
      <path class={`line line-${props.kind}`} d={path(recent, top * 1.1, 120, 28, 60)} />
    </svg>
  );
}
