// Values as people read them.

const whole = new Intl.NumberFormat("en-GB");

export function count(value: number): string {
  return whole.format(value);
}

export function many(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

export function short(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)}G`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(value >= 1e5 ? 0 : 1)}k`;
  if (value >= 100 || Number.isInteger(value)) return whole.format(Math.round(value));
  return value.toFixed(1);
}

export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  let rest = value;
  while (rest >= 1024 && at < units.length - 1) {
    rest /= 1024;
    at += 1;
  }
  return `${rest >= 100 || at === 0 ? Math.round(rest) : rest.toFixed(1)} ${units[at]}`;
}

export function duration(seconds: number): string {
  if (seconds === 0) return "0 s";
  const parts: [number, string][] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  for (const [size, unit] of parts) {
    if (seconds < size) continue;
    const amount = seconds / size;
    return `${Number.isInteger(amount) ? amount : amount.toFixed(1)} ${unit}`;
  }
  return `${Math.round(seconds * 1000)} ms`;
}

export function latency(us: number): string {
  if (us < 1000) return `${us} µs`;
  if (us < 1e6) return `${us < 1e4 ? (us / 1e3).toFixed(1) : Math.round(us / 1e3)} ms`;
  return `${(us / 1e6).toFixed(us < 1e7 ? 2 : 1)} s`;
}

export function ago(time: string | undefined, now = Date.now()): string {
  if (time === undefined) return "–";
  const seconds = Math.round((now - Date.parse(time)) / 1000);
  const text = duration(rounded(Math.abs(seconds)));
  if (Math.abs(seconds) < 1) return "now";
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

function rounded(seconds: number): number {
  if (seconds >= 86400) return Math.round(seconds / 8640) * 8640;
  if (seconds >= 3600) return Math.round(seconds / 360) * 360;
  return seconds >= 60 ? Math.round(seconds / 60) * 60 : seconds;
}

export function clock(time: string | undefined): string {
  if (time === undefined) return "–";
  const at = new Date(time);
  const today = new Date().toDateString() === at.toDateString();
  const hours = at.toLocaleTimeString("en-GB", { hour12: false });
  const day = today ? "" : `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} `;
  return `${day}${hours}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

// A word of a POSIX shell.
export function quoted(text: string): string {
  return `'${text.replace(/'/g, `'\\''`)}'`;
}
