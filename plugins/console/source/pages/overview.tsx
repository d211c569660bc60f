// What flows, and what needs somebody.

import { ComponentChildren } from "preact";

import { Attempt, Cluster, fullName, get, Status } from "../api";
import { Chart, held, Line, Spark } from "../chart";
import { ago, bytes, count, latency, many, short } from "../format";
import { BriefSubscription, Live, Moment, useLive } from "../live";
import { Badge, Empty, link, Panel, Time, toneOfStatus, useAnswer } from "../parts";

const troublesMax = 12;
const listMax = 8;

function Tile(props: {
  name: string;
  value: string;
  unit?: string;
  kind: Line["kind"];
  values?: (number | undefined)[];
  href?: string;
}) {
  const inside = (
    <>
      <span class="tile-name">{props.name}</span>
      <span class="tile-value">
        {props.value}
        {props.unit && <small> {props.unit}</small>}
      </span>
      {props.values && <Spark values={props.values} kind={props.kind} />}
    </>
  );
  return props.href ? (
    <a class={`tile tile-${props.kind}`} href={props.href}>
      {inside}
    </a>
  ) : (
    <div class={`tile tile-${props.kind}`}>{inside}</div>
  );
}

export function deadLetters(state: Live): number {
  let sum = 0;
  for (const queue of state.queues.values()) {
    if (queue.automatic) sum += queue.visible + queue.in_flight + queue.delayed;
  }
  return sum;
}

function waiting(state: Live): number {
  let sum = 0;
  for (const queue of state.queues.values()) if (!queue.automatic) sum += queue.visible;
  return sum;
}

interface Trouble {
  id: string;
  weight: number;
  href: string;
  name: string;
  badge: ComponentChildren;
  why: string;
}

function troubleOf(one: BriefSubscription): Trouble | null {
  const id = fullName(one);
  const made = { id, name: id, href: link("subscriptions", one.topic, one.name) };
  if (one.state === "disabled") {
    const why = one.state_reason ?? "It was taken out of use.";
    return { ...made, weight: 4e9, badge: <Badge tone="bad">disabled</Badge>, why };
  }
  if (one.waiting > 0) {
    const why = `${count(one.waiting)} of ${count(one.backlog)} deliveries failed and wait for their next attempt`;
    return { ...made, weight: 2e9 + one.waiting, badge: <Badge tone="wait">retrying</Badge>, why };
  }
  if (one.state === "paused" && one.backlog > 0) {
    const why = `${count(one.backlog)} deliveries wait until it is resumed`;
    return { ...made, weight: 1e9 + one.backlog, badge: <Badge tone="off">paused</Badge>, why };
  }
  return null;
}

// A cluster's own: nodes that are away, sets that nobody leads.
function clusterTroubles(cluster: Cluster | null): Trouble[] {
  const href = link("cluster");
  const made = { weight: 5e9, href };
  const away = (cluster?.nodes ?? []).filter((node) => !node.connected);
  const idle = (cluster?.sets ?? []).filter((set) => set.leader === 0);
  return [
    ...away.map((node) => ({
      ...made,
      id: `node ${node.id}`,
      name: `Node ${node.id}`,
      badge: <Badge tone="bad">not connected</Badge>,
      why: node.problem ?? "It does not answer the others.",
    })),
    ...idle.map((set) => ({
      ...made,
      id: `set ${set.set}`,
      name: `Set ${set.set}`,
      badge: <Badge tone="bad">no leader</Badge>,
      why: "What lives there is not served until its replicas agree on a leader.",
    })),
  ];
}

function troubles(state: Live, cluster: Cluster | null): Trouble[] {
  const found: Trouble[] = clusterTroubles(cluster);
  for (const one of state.subscriptions.values()) {
    const trouble = troubleOf(one);
    if (trouble !== null) found.push(trouble);
  }
  for (const queue of state.queues.values()) {
    const letters = queue.visible + queue.in_flight;
    if (!queue.automatic || letters === 0) continue;
    found.push({
      id: queue.name,
      weight: 3e9 + letters,
      name: queue.name.replace(/\.dlq$/, "").replace(".", "/"),
      href: link("dead-letters", queue.name),
      badge: <Badge tone="bad">dead letters</Badge>,
      why: `${count(letters)} given up, the oldest ${ago(queue.oldest_at)}`,
    });
  }
  return found.sort((one, other) => other.weight - one.weight);
}

function Attention(props: { state: Live }) {
  const { value: cluster } = useAnswer(() => get<Cluster>("/v1/cluster"), [], 5);
  const all = troubles(props.state, cluster);
  return (
    <Panel title="Needs attention" aside={all.length > 0 && <span class="dim">{count(all.length)}</span>} flush>
      {all.length === 0 ? (
        <Empty title={props.state.told ? "Nothing does" : "Looking…"}>
          <p>Subscriptions that fail, wait or are switched off, and dead letters, come up here.</p>
        </Empty>
      ) : (
        <ul class="list">
          {all.slice(0, troublesMax).map((trouble) => (
            <li key={trouble.id}>
              <a href={trouble.href}>
                <span class="list-name">{trouble.name}</span>
                {trouble.badge}
                <span class="list-why">{trouble.why}</span>
              </a>
            </li>
          ))}
        </ul>
      )}
      {all.length > troublesMax && (
        <p class="more">
          and {count(all.length - troublesMax)} more · <a href={link("subscriptions")}>all subscriptions</a>
        </p>
      )}
    </Panel>
  );
}

function Fullest(props: { state: Live }) {
  const queues = [...props.state.queues.values()].filter((queue) => !queue.automatic && queue.visible > 0);
  queues.sort((one, other) => other.visible - one.visible);
  const most = queues[0]?.visible ?? 1;
  return (
    <Panel title="Fullest queues" aside={<a href={link("queues")}>all</a>} flush>
      {queues.length === 0 ? (
        <Empty title="All queues are empty" />
      ) : (
        <ul class="list bars">
          {queues.slice(0, listMax).map((queue) => (
            <li key={queue.name}>
              <a href={link("queues", queue.name)}>
                <span class="list-name">{queue.name}</span>
                <span class="list-value">{short(queue.visible)}</span>
                <meter min={0} max={most} value={queue.visible} aria-label={`${queue.visible} visible`} />
              </a>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Failures(props: { attempts: Attempt[] }) {
  const failed = props.attempts.filter((attempt) => attempt.status !== "ok").slice(0, listMax);
  return (
    <Panel title="Latest failures" aside={<a href={link("deliveries", "failed")}>all</a>} flush>
      {failed.length === 0 ? (
        <Empty title="None lately" />
      ) : (
        <ul class="list">
          {failed.map((attempt) => (
            <li key={`${attempt.message}/${attempt.subscription}/${attempt.attempt}/${attempt.at}`}>
              <a href={link("messages", attempt.message)}>
                <span class="list-name">{attempt.subscription}</span>
                <Badge tone={toneOfStatus(attempt.status)}>
                  {attempt.http_status ?? attempt.reason ?? attempt.status}
                </Badge>
                <span class="list-why">
                  attempt {attempt.attempt}, <Time at={attempt.at} />
                </span>
              </a>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Charts(props: { moments: Moment[]; sampled: boolean }) {
  const values = (name: keyof Moment) => props.moments.map((moment) => moment[name]);
  return (
    <div class="charts">
      <Chart
        title="Messages a second"
        lines={[
          { name: "in", kind: "second", values: values("incoming") },
          { name: "delivered", kind: "main", values: values("outgoing") },
          { name: "failed", kind: "bad", values: values("failed") },
        ]}
      />
      <Chart
        title="Latency of attempts"
        format={(value) => latency(Math.round(value))}
        note={props.sampled ? "A sample: more than fifty attempts a second." : undefined}
        lines={[
          { name: "median", kind: "main", values: held(values("median")) },
          { name: "95 %", kind: "second", values: held(values("slow")) },
          { name: "disk sync", kind: "bad", values: held(values("sync")) },
        ]}
      />
    </div>
  );
}

function ServerLine() {
  const { value: status } = useAnswer(() => get<Status>("/v1/status"), [], 15);
  const state = useLive();
  if (status === null) return <p class="server-line">&nbsp;</p>;
  return (
    <p class="server-line">
      <Badge tone={status.ready ? "good" : "bad"}>{status.ready ? "ready" : "not ready"}</Badge>
      {status.dev && <Badge tone="wait">dev mode</Badge>}
      {status.space !== "normal" && <Badge tone="bad">disk: {status.space.replace("_", " ")}</Badge>}
      <span>version {status.version}</span>
      <span>started {ago(status.started_at)}</span>
      <span>{many(state.figures?.objects.topic ?? status.topics, "topic")}</span>
      <span>{many(state.figures?.objects.subscription ?? status.subscriptions, "subscription")}</span>
      <span>{many(state.figures?.objects.queue ?? status.queues, "queue")}</span>
      {status.log_bytes !== undefined && <span>log {bytes(status.log_bytes)}</span>}
    </p>
  );
}

export function Overview() {
  const state = useLive();
  const last = state.moments[state.moments.length - 1];
  const rate = (value: number | undefined) => (value === undefined ? "–" : short(value));
  const values = (name: keyof Moment) => state.moments.map((moment) => moment[name]);
  const dead = deadLetters(state);
  return (
    <>
      <ServerLine />
      <div class="tiles">
        <Tile name="Coming in" value={rate(last?.incoming)} unit="/s" kind="second" values={values("incoming")} />
        <Tile name="Delivered" value={rate(last?.outgoing)} unit="/s" kind="main" values={values("outgoing")} />
        <Tile
          name="Failed attempts"
          value={rate(last?.failed)}
          unit="/s"
          kind={last?.failed ? "bad" : "main"}
          values={values("failed")}
          href={link("deliveries", "failed")}
        />
        <Tile name="Waiting in queues" value={short(waiting(state))} kind="main" href={link("queues")} />
        <Tile name="Dead letters" value={short(dead)} kind={dead > 0 ? "bad" : "main"} href={link("dead-letters")} />
      </div>
      <Charts moments={state.moments} sampled={state.missed} />
      <div class="columns">
        <Attention state={state} />
        <div>
          <Fullest state={state} />
          <Failures attempts={state.attempts} />
        </div>
      </div>
      <p class="note">Rates and latency are those of the node that answers.</p>
    </>
  );
}
