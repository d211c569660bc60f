// What the server tells by itself: reads GET /v1/events, keeps five minutes of rates and the newest
// state of every object, and tells the pages that show them. One a tab. Streams that break are
// asked for again with growing pauses.

import { useEffect, useState } from "preact/hooks";

import { Attempt, authorization, fullName, signOut } from "./api";

export interface Figures {
  at: string;
  sent: number;
  published: number;
  received: number;
  deleted: number;
  refused?: number;
  long_polls?: number;
  commands_waiting?: number;
  log_bytes?: number;
  below_reserve?: number;
  attempts: Record<string, number>;
  objects: Record<string, number>;
  queue_messages: Record<string, number>;
  syncs: { count?: number; sum_us?: number; within?: number[] };
}

export interface BriefQueue {
  name: string;
  automatic: boolean;
  paused: boolean;
  visible: number;
  in_flight: number;
  delayed: number;
  oldest_at?: string;
}

export interface BriefTopic {
  name: string;
  messages: number;
  subscriptions: number;
}

export interface BriefSubscription {
  topic: string;
  name: string;
  state: "active" | "paused" | "disabled";
  state_reason?: string;
  backlog: number;
  waiting: number;
  dropped: number;
  discarded: number;
}

interface Objects {
  queues: BriefQueue[];
  topics: BriefTopic[];
  subscriptions: BriefSubscription[];
  gone: { queues: string[]; topics: string[]; subscriptions: string[] };
}

// One second. A rate that is not known is absent; a latency, too.
export interface Moment {
  at: number;
  incoming?: number;
  outgoing?: number;
  failed?: number;
  median?: number;
  slow?: number;
  sync?: number;
}

export type Connection = "connecting" | "live" | "broken";

const momentsMax = 300;
const attemptsMax = 200;
const pauseMax = 15_000;

export class Live {
  connection: Connection = "connecting";
  figures: Figures | null = null;
  moments: Moment[] = [];
  attempts: Attempt[] = [];
  missed = false;
  told = false;
  readonly queues = new Map<string, BriefQueue>();
  readonly topics = new Map<string, BriefTopic>();
  readonly subscriptions = new Map<string, BriefSubscription>();
  private readonly watchers = new Set<() => void>();
  private stopping: AbortController | null = null;
  private pause = 0;
  private latencies: number[] = [];

  watch(call: () => void): () => void {
    this.watchers.add(call);
    return () => this.watchers.delete(call);
  }

  start(): void {
    if (this.stopping !== null) return;
    this.stopping = new AbortController();
    void this.run(this.stopping.signal);
  }

  stop(): void {
    this.stopping?.abort();
    this.stopping = null;
    this.forget();
    this.figures = null;
    this.moments = [];
    this.attempts = [];
  }

  private forget(): void {
    this.queues.clear();
    this.topics.clear();
    this.subscriptions.clear();
    this.told = false;
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.read(signal);
      } catch {
        // Whatever ended the stream, the next one tells.
      }
      if (signal.aborted) return;
      this.connection = this.pause === 0 ? "connecting" : "broken";
      this.tell();
      await new Promise((done) => setTimeout(done, this.pause));
      this.pause = Math.min(pauseMax, Math.max(1000, this.pause * 2));
    }
  }

  private async read(signal: AbortSignal): Promise<void> {
    const headers = { Authorization: authorization() };
    const path = "/v1/events?objects=true&attempts=true";
    const response = await fetch(path, { headers, signal, cache: "no-store" });
    if (response.status === 401) return signOut();
    if (!response.ok || response.body === null) {
      this.pause = Math.max(1000, this.pause);
      return;
    }
    this.forget();
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.pause = 0;
      this.connection = "live";
      const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) this.take(block);
      this.tell();
    }
  }

  private take(block: string): void {
    let name = "";
    let data = "";
    for (const line of block.split("\n")) {
      if (line.startsWith("event: ")) name = line.slice(7);
      if (line.startsWith("data: ")) data += line.slice(6);
    }
    if (data === "") return;
    if (name === "figures") this.takeFigures(JSON.parse(data) as Figures);
    if (name === "objects") this.takeObjects(JSON.parse(data) as Objects);
    if (name === "attempts") this.takeAttempts(JSON.parse(data) as { items: Attempt[]; more: boolean });
  }

  private takeFigures(now: Figures): void {
    const before = this.figures;
    const at = Date.parse(now.at);
    const moment: Moment = { at };
    const seconds = before === null ? 0 : (at - Date.parse(before.at)) / 1000;
    if (before !== null && seconds > 0) {
      const rate = (later: number, earlier: number) => Math.max(0, (later - earlier) / seconds);
      moment.incoming = rate(now.sent + now.published, before.sent + before.published);
      moment.outgoing = rate(delivered(now), delivered(before));
      moment.failed = rate(failed(now), failed(before));
      const syncs = (now.syncs.count ?? 0) - (before.syncs.count ?? 0);
      const spent = (now.syncs.sum_us ?? 0) - (before.syncs.sum_us ?? 0);
      if (syncs > 0) moment.sync = spent / syncs;
    }
    this.latencies = [];
    this.figures = now;
    this.moments = [...this.moments.slice(1 - momentsMax), moment];
  }

  private takeAttempts(told: { items: Attempt[]; more: boolean }): void {
    this.attempts = [...told.items, ...this.attempts].slice(0, attemptsMax);
    this.missed = told.more;
    this.latencies.push(...told.items.map((one) => one.latency_us));
    const last = this.moments[this.moments.length - 1];
    if (last !== undefined && this.latencies.length > 0) {
      const sorted = [...this.latencies].sort((one, other) => one - other);
      const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
      this.moments[this.moments.length - 1] = { ...last, median: at(0.5), slow: at(0.95) };
    }
  }

  private takeObjects(told: Objects): void {
    for (const queue of told.queues) this.queues.set(queue.name, queue);
    for (const topic of told.topics) this.topics.set(topic.name, topic);
    for (const one of told.subscriptions) this.subscriptions.set(fullName(one), one);
    for (const name of told.gone.queues) this.queues.delete(name);
    for (const name of told.gone.topics) this.topics.delete(name);
    for (const name of told.gone.subscriptions) this.subscriptions.delete(name);
    this.told = true;
  }

  private tell(): void {
    for (const call of this.watchers) call();
  }
}

function delivered(figures: Figures): number {
  return (figures.attempts.accepted ?? 0) + figures.received;
}

function failed(figures: Figures): number {
  return (figures.attempts.retry ?? 0) + (figures.attempts.rejected ?? 0);
}

export const live = new Live();

// The page is drawn again whenever the server told something.
export function useLive(): Live {
  const [, turn] = useState(0);
  useEffect(() => live.watch(() => turn((at) => at + 1)), []);
  return live;
}
