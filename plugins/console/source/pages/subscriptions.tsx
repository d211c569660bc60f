// Subscriptions: how they are, why they wait, and the switch.

import { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import {
  ask,
  Attempt,
  fullName,
  functionKinds,
  get,
  kindOf,
  Page,
  Retry,
  segment,
  Subscription,
  targetOf,
} from "../api";
import { ago, count, duration, latency } from "../format";
import { BriefSubscription, live, useLive } from "../live";
import {
  act,
  Badge,
  Empty,
  Facts,
  link,
  Panel,
  Search,
  Table,
  Time,
  Tone,
  toneOfStatus,
  useAnswer,
  Waiting,
} from "../parts";
import { Does } from "../rights";
import { AttemptTable } from "./deliveries";
import { Replay } from "./replay";

interface Standing {
  state: string;
  state_reason?: string;
  backlog: number;
  waiting: number;
}

// In a word.
function standing(one: Standing): [Tone, string] {
  if (one.state === "disabled") return ["bad", "disabled"];
  if (one.state === "paused") return ["off", "paused"];
  if (one.waiting > 0) return ["wait", "retrying"];
  return one.backlog > 0 ? ["good", "busy"] : ["good", "up to date"];
}

export function StateBadge(props: { of: Standing }) {
  const [tone, word] = standing(props.of);
  return <Badge tone={tone}>{word}</Badge>;
}

const filters = ["all", "retrying", "paused", "disabled", "busy"] as const;

export function SubscriptionsPage() {
  const state = useLive();
  const [search, setSearch] = useState("");
  const [filter, setFilter] = useState<string>("all");
  const everyone = [...state.subscriptions.values()];
  const rows = everyone
    .filter((one) => fullName(one).toLowerCase().includes(search.toLowerCase()))
    .filter((one) => filter === "all" || standing(one)[1] === filter)
    .sort((one, other) => other.waiting - one.waiting || fullName(one).localeCompare(fullName(other)));
  return (
    <>
      <div class="tools">
        <Search value={search} onInput={setSearch} label="Find a subscription" />
        <div class="chips" role="group" aria-label="State">
          {filters.map((one) => (
            <button type="button" class="chip" aria-pressed={filter === one} onClick={() => setFilter(one)} key={one}>
              {one}
              {one !== "all" && <small>{everyone.filter((each) => standing(each)[1] === one).length}</small>}
            </button>
          ))}
        </div>
      </div>
      {rows.length === 0 ? (
        <Empty title={!state.told ? "Asking the server…" : everyone.length === 0 ? "There is no subscription yet" : "None is like that"}>
          {state.told && everyone.length === 0 && <p>penstock sub add TOPIC NAME --http URL</p>}
        </Empty>
      ) : (
        <SubscriptionTable rows={rows} />
      )}
    </>
  );
}

function DeadLetters(props: { of: { topic: string; name: string } }) {
  const name = `${props.of.topic}.${props.of.name}.dlq`;
  const queue = live.queues.get(name);
  const letters = queue ? queue.visible + queue.in_flight : 0;
  if (letters === 0) return <>0</>;
  return (
    <a class="bad-note" href={link("dead-letters", name)}>
      {count(letters)}
    </a>
  );
}

export function SubscriptionTable(props: { rows: (BriefSubscription | Subscription)[] }) {
  return (
    <Table<BriefSubscription | Subscription>
      caption="Subscriptions"
      rows={props.rows}
      id={fullName}
      columns={[
        { name: "Subscription", of: (one) => <a href={link("subscriptions", one.topic, one.name)}>{fullName(one)}</a> },
        { name: "State", of: (one) => <StateBadge of={one} /> },
        { name: "Not done", right: true, of: (one) => count(one.backlog) },
        { name: "To be retried", right: true, of: (one) => count(one.waiting) },
        { name: "Dead letters", right: true, of: (one) => <DeadLetters of={one} /> },
        { name: "Dropped", right: true, of: (one) => count(one.dropped) },
      ]}
    />
  );
}

function retryWords(retry: Retry): string {
  const steps = retry.steps.map((step) => {
    const pause = step.min_ms === step.max_ms ? duration(step.min_ms / 1000) : `${duration(step.min_ms / 1000)}–${duration(step.max_ms / 1000)}`;
    return step.times > 1 ? `${step.times} × ${pause}` : pause;
  });
  const shown = steps.length > 6 ? [...steps.slice(0, 5), "…", steps[steps.length - 1]] : steps;
  return `${retry.name}: ${shown.join(", ")}`;
}

// Why deliveries wait, in the order in which it keeps them back.
function reasons(one: Subscription, recent: Attempt[], letters: number): ComponentChildren[] {
  const why: ComponentChildren[] = [];
  if (one.state === "paused") why.push("It is paused: nothing is delivered until somebody resumes it.");
  if (one.state === "disabled") why.push(`It is disabled: ${one.state_reason ?? "no reason is known"}.`);
  if (one.waiting > 0) {
    const failed = recent.find((attempt) => attempt.status === "retry");
    why.push(
      <>
        {count(one.waiting)} failed and wait for their next attempt
        {failed && (
          <>
            : the last one {failed.http_status ? `was answered ${failed.http_status}` : `ended with “${failed.reason}”`}
            {failed.due_at && <>, it is tried again {ago(failed.due_at)}</>}
          </>
        )}
        .
      </>,
    );
  }
  const ready = one.backlog - one.waiting;
  if (ready > 0 && one.state === "active")
    why.push(`${count(ready)} are being delivered or next in line; at most ${count(one.concurrency)} go at a time.`);
  if (letters > 0 && one.dead_letter)
    why.push(
      <>
        {count(letters)} were given up and are <a href={link("dead-letters", one.dead_letter)}>dead letters</a>: they go
        again when somebody redrives them.
      </>,
    );
  if (one.dropped > 0) why.push(`${count(one.dropped)} were given up and dropped, because it has no dead-letter queue.`);
  return why;
}

function Health(props: { of: Subscription; recent: Attempt[] }) {
  const tried = props.recent.length;
  const fine = props.recent.filter((attempt) => attempt.status === "ok").length;
  const sorted = props.recent.map((attempt) => attempt.latency_us).sort((one, other) => one - other);
  const dead = useLive().queues.get(props.of.dead_letter ?? "");
  const why = reasons(props.of, props.recent, dead ? dead.visible + dead.in_flight : 0);
  return (
    <Panel title="Health">
      <div class="health">
        <div class="strip" role="img" aria-label={`${fine} of the last ${tried} attempts went well`}>
          {[...props.recent].reverse().map((attempt) => (
            <span
              class={`tick tick-${toneOfStatus(attempt.status)}`}
              title={`attempt ${attempt.attempt} of ${attempt.message}: ${attempt.http_status ?? attempt.reason ?? attempt.status}`}
              key={`${attempt.message}/${attempt.attempt}/${attempt.at}`}
            />
          ))}
        </div>
        <p class="dim">
          {tried === 0
            ? "Nothing was tried yet."
            : `${fine} of the last ${tried} attempts went well; half took ${latency(sorted[Math.floor(tried / 2)])} or less.`}
        </p>
        {why.length > 0 && (
          <>
            <h3>Why something waits</h3>
            <ul class="why">
              {why.map((words, at) => (
                <li key={at}>{words}</li>
              ))}
            </ul>
          </>
        )}
      </div>
    </Panel>
  );
}

export function SubscriptionPage(props: { topic: string; name: string }) {
  const path = `/v1/subscriptions/${segment(props.topic)}/${segment(props.name)}`;
  const full = `${props.topic}/${props.name}`;
  const answer = useAnswer(() => get<Subscription>(path), [path], 2);
  const tried = useAnswer(
    () => get<Page<Attempt>>(`/v1/deliveries?limit=60&subscription=${encodeURIComponent(full)}`),
    [full],
    2,
  );
  const one = answer.value;
  if (one === null) return <Waiting answer={answer} />;
  const recent = tried.value?.items ?? [];
  const paused = one.state !== "active";
  const failing = !paused && recent.length > 0 && recent[0].status !== "ok";
  const turn = async () => {
    const verb = paused ? "resume" : "pause";
    await act(() => ask("POST", `${path}/${verb}`), paused ? `${full} delivers again.` : `${full} is paused.`);
    answer.again();
  };
  const isFunction = (functionKinds as readonly string[]).includes(kindOf(one));
  return (
    <>
      <div class="tools">
        {failing ? <Badge tone="bad">failing</Badge> : <StateBadge of={one} />}
        <span class="mono target">{targetOf(one)}</span>
        <span class="spring" />
        {isFunction && <a class="button" href={link("functions", one.topic, one.name)}>Function</a>}
        {one.dead_letter && <a class="button" href={link("dead-letters", one.dead_letter)}>Dead letters</a>}
        <Does acts={[`SetSubscription:subscription/${full}`]} class={paused ? "primary" : ""} onClick={turn}>
          {paused ? "Resume" : "Pause"}
        </Does>
      </div>
      <div class="columns">
        <Health of={one} recent={recent} />
        <Panel title="Set to">
          <Facts
            of={[
              ["Topic", <a href={link("topics", one.topic)}>{one.topic}</a>],
              ["Goes to", `${kindOf(one).replace("_", " ")} ${targetOf(one)}`],
              ["Takes", one.tags.length > 0 ? one.tags.join(", ") : one.bind.length > 0 ? one.bind.join(", ") : "everything"],
              ["Format", one.format],
              ["Retry", retryWords(one.retry)],
              ["At a time", count(one.concurrency)],
              ["Time-out", duration(one.timeout_ms / 1000)],
              [
                "Dead letters",
                one.dead_letter ? <a href={link("dead-letters", one.dead_letter)}>{one.dead_letter}</a> : "dropped",
              ],
              ["Not done", count(one.backlog)],
              ["Made", <Time at={one.created_at} />],
            ]}
          />
        </Panel>
      </div>
      <Replay path={path} name={full} />
      <Panel title="Attempts" flush>
        {tried.value === null ? (
          <Waiting answer={tried} />
        ) : recent.length === 0 ? (
          <Empty title="Nothing was tried yet" />
        ) : (
          <AttemptTable rows={recent} single />
        )}
      </Panel>
    </>
  );
}
