// The server as the console knows it: one function that asks /v1, and the shapes of its answers
// (plugins/native/openapi.json describes them). The key lives in this tab only.

export interface Problem {
  title: string;
  status: number;
  code: string;
  detail: string;
  hint?: string;
  request_id?: string;
}

export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

export interface Key {
  id: string;
  secret: string;
}

const keyName = "penstock.key";
let key: Key | null = null;
let onSignedOut: () => void = () => undefined;

export function rememberedKey(): Key | null {
  if (key !== null) return key;
  const stored = sessionStorage.getItem(keyName);
  key = stored === null ? null : (JSON.parse(stored) as Key);
  return key;
}

export function signOut(): void {
  key = null;
  sessionStorage.removeItem(keyName);
  onSignedOut();
}

export function whenSignedOut(call: () => void): void {
  onSignedOut = call;
}

function header(who: Key): string {
  return `Bearer ${who.id}:${who.secret}`;
}

export function authorization(): string {
  const who = rememberedKey();
  return who === null ? "" : header(who);
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    const told = (await response.json()) as Problem;
    if (typeof told.detail === "string") return told;
  } catch {
    // An answer that is no problem document is told of by its status alone.
  }
  const detail = `The server answered ${response.status}.`;
  return { title: response.statusText, status: response.status, code: "unknown", detail };
}

const unreachable: Problem = {
  title: "Unreachable",
  status: 0,
  code: "unreachable",
  detail: "The server cannot be reached.",
  hint: "The console tries again by itself.",
};

async function request(who: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const headers: Record<string, string> = { Authorization: who };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    const text = body === undefined ? undefined : JSON.stringify(body);
    response = await fetch(path, { method, headers, body: text, cache: "no-store" });
  } catch {
    throw new Refused(unreachable);
  }
  if (!response.ok) throw new Refused(await problemOf(response));
  return response.status === 204 ? null : await response.json();
}

// Tries the key and keeps it for this tab when the server knows it and lets it look. Keys of accounts
// see no status of the server.
export async function signIn(who: Key): Promise<void> {
  await request(header(who), "GET", "/v1/queues?limit=1");
  key = who;
  sessionStorage.setItem(keyName, JSON.stringify(who));
}

export async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  try {
    return (await request(authorization(), method, path, body)) as T;
  } catch (failure) {
    if (failure instanceof Refused && failure.problem.status === 401) signOut();
    throw failure;
  }
}

export function get<T>(path: string): Promise<T> {
  return ask<T>("GET", path);
}

export interface Page<T> {
  items: T[];
  next_cursor?: string;
}

// Every page of a list, at most `limit` items.
export async function all<T>(path: string, limit = 1000): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const joint = path.includes("?") ? "&" : "?";
    const more = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await get<Page<T>>(`${path}${joint}limit=100${more}`);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== undefined && items.length < limit);
  return items;
}

export function segment(name: string): string {
  return encodeURIComponent(name);
}

// ---- answers -----------------------------------------------------------------------------------

export interface Queue {
  name: string;
  visibility: number;
  retention: number;
  rewind: number;
  poll: number;
  max_size: number;
  max_messages: number;
  qps: number; // 0: as its account may
  paused: boolean;
  automatic: boolean;
  dead_letter: { queue: string; max_receives?: number; time_to_live?: number } | null;
  messages: {
    visible: number;
    in_flight: number;
    delayed: number;
    rewindable: number;
    oldest_at?: string;
  };
  created_at?: string;
}

export interface Topic {
  name: string;
  match: string;
  retention: number;
  max_size: number;
  qps: number; // 0: as its account may
  messages: number;
  subscriptions: number;
  created_at?: string;
}

export interface Retry {
  name: string;
  keeps_order: boolean;
  steps: { min_ms: number; max_ms: number; times: number }[];
}

export const functionKinds = ["lua", "worker", "worker_http", "exec", "runtime"] as const;

export interface Subscription {
  topic: string;
  name: string;
  http?: { url: string };
  queue?: { name: string };
  exec?: { command: string[] };
  worker?: { command: string[] };
  worker_http?: { command: string[] };
  runtime?: { folder: string };
  lua?: Record<string, unknown>;
  filter_lua?: { version: number };
  transform_lua?: { version: number };
  tags: string[];
  bind: string[];
  format: string;
  retry: Retry;
  dead_letter: string | null;
  concurrency: number;
  timeout_ms: number;
  state: "active" | "paused" | "disabled";
  state_reason?: string;
  backlog: number;
  waiting: number;
  dropped: number;
  discarded: number;
  created_at?: string;
}

export interface Attempt {
  message: string;
  subscription: string;
  status: string;
  attempt: number;
  at?: string;
  due_at?: string;
  latency_us: number;
  http_status?: number;
  reason?: string;
  target?: string;
  excerpt?: string;
  log?: string;
  version?: number;
}

export interface MessageMeta {
  tags?: string[];
  key?: string;
  ordering_key?: string;
  content_type?: string;
  attributes?: Record<string, string>;
}

export interface Letter extends MessageMeta {
  id: string;
  source?: string;
  reason?: string;
  last_status?: number;
  attempts: number;
  redrives?: number;
  history?: Attempt[];
  excerpt?: string;
  log?: string;
  state: string;
  died_at?: string;
  sent_at?: string;
  body?: string;
  body_base64?: string;
}

export interface PeekedMessage extends MessageMeta {
  id: string;
  position: string;
  state: string;
  receives?: number;
  sent_at?: string;
  due_at?: string;
  body?: string;
  body_base64?: string;
}

// A redrive or a replay.
export interface Job {
  job: string;
  kind: string;
  state: "running" | "paused" | "done" | "cancelled";
  rate?: number;
  total: number;
  looked_at: number;
  taken: number;
  open?: number;
  failed?: number;
  per_second: number;
  seconds_left?: number;
  started_at?: string;
  ended_at?: string;
}

export interface Place {
  kind: string;
  object: string;
  state: string;
  count: number;
  due_at?: string;
  attempts: Attempt[];
}

export interface Track extends MessageMeta {
  id: string;
  sent_to?: string;
  sent_at?: string;
  size: number;
  log_index: number;
  places: Place[];
}

export interface Script {
  role: string;
  version: number;
  in_use: boolean;
  size: number;
  file?: string;
  note: string;
  deployed_at?: string;
  code?: string;
}

export interface LogLine {
  number: number;
  at?: string;
  subscription?: string;
  level: string;
  message?: string;
  text: string;
}

export interface Processes {
  processes: {
    number: number;
    state: string;
    in_flight: number;
    handled: number;
    started_at?: string;
  }[];
  starts: number;
  crashes: number;
  last_problem: string;
}

export interface Status {
  ready: boolean;
  version: string;
  data_folder?: string;
  started_at?: string;
  dev: boolean;
  space: string;
  log_bytes?: number;
  live_bodies?: number;
  damaged_records?: number;
  quarantined?: number;
  rows_bytes?: number;
  applied?: number;
  queues: number;
  topics: number;
  subscriptions: number;
  waiters?: number;
}

// Limits of 0: any number. `uses` and `refused` are those of the node that answers, as far as it knows.
export interface Account {
  name: string;
  queues_max: number;
  topics_max: number;
  subscriptions_max: number;
  stored_bytes_max: number;
  requests_per_second: number;
  uses?: {
    queues: number;
    topics: number;
    subscriptions: number;
    stored_bytes: number;
    requests_per_second?: number;
  };
  refused?: number;
}

export interface Cluster {
  name: string;
  cluster_id: string;
  incarnation: number;
  node: number;
  rebalancing: boolean;
  nodes: {
    id: number;
    peer_address?: string;
    http_address?: string;
    zone?: string;
    connected: boolean;
    sets?: number;
    leaving?: boolean;
    problem?: string;
  }[];
  sets: {
    set: number;
    leader: number;
    term: number;
    committed?: number;
    applied?: number;
    objects?: number;
    replicas: {
      node: number;
      voter: boolean;
      match?: number;
      active: boolean;
      in_sync: boolean;
      state_hash?: string;
    }[];
    wanted: number[];
  }[];
  counters?: Record<string, number>;
}

export function fullName(of: { topic: string; name: string }): string {
  return `${of.topic}/${of.name}`;
}

export function kindOf(subscription: Subscription): string {
  for (const kind of ["http", "queue", ...functionKinds] as const) {
    if (subscription[kind] !== undefined) return kind;
  }
  return "unknown";
}

export function targetOf(subscription: Subscription): string {
  if (subscription.http) return subscription.http.url;
  if (subscription.queue) return subscription.queue.name;
  if (subscription.runtime) return subscription.runtime.folder;
  const command = (subscription.exec ?? subscription.worker ?? subscription.worker_http)?.command;
  if (command) return command.join(" ");
  return subscription.lua ? "script" : "";
}
