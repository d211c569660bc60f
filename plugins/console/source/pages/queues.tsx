// Queues: their depths, what they are set to, and what can be done to them.

import { useState } from "preact/hooks";

import { ask, get, Queue, segment } from "../api";
import { ago, bytes, count, duration } from "../format";
import { BriefQueue, useLive } from "../live";
import { act, Badge, Confirm, Empty, Facts, link, Panel, Search, Table, useAnswer, Waiting } from "../parts";
import { Does } from "../rights";
import { Peek } from "./peek";
import { Send } from "./send";

export function QueuesPage() {
  const state = useLive();
  const [search, setSearch] = useState("");
  const [automatic, setAutomatic] = useState(false);
  const rows = [...state.queues.values()]
    .filter((queue) => (automatic || !queue.automatic) && queue.name.toLowerCase().includes(search.toLowerCase()))
    .sort((one, other) => one.name.localeCompare(other.name));
  return (
    <>
      <div class="tools">
        <Search value={search} onInput={setSearch} label="Find a queue" />
        <label class="check">
          <input type="checkbox" checked={automatic} onChange={() => setAutomatic(!automatic)} /> dead-letter queues
          too
        </label>
      </div>
      {rows.length === 0 ? (
        <Empty title={!state.told ? "Asking the server…" : search === "" ? "There is no queue yet" : "No queue is called that"}>
          {state.told && search === "" && <p>penstock queue create NAME</p>}
        </Empty>
      ) : (
        <Table<BriefQueue>
          caption="Queues"
          rows={rows}
          id={(queue) => queue.name}
          columns={[
            { name: "Queue", of: (queue) => <a href={queueLink(queue)}>{queue.name}</a> },
            { name: "Visible", right: true, of: (queue) => count(queue.visible) },
            { name: "In flight", right: true, of: (queue) => count(queue.in_flight) },
            { name: "Delayed", right: true, of: (queue) => count(queue.delayed) },
            { name: "Oldest", right: true, of: (queue) => (queue.oldest_at ? ago(queue.oldest_at) : "–") },
            { name: "State", of: (queue) => stateOf(queue) },
          ]}
        />
      )}
    </>
  );
}

function queueLink(queue: BriefQueue): string {
  return queue.automatic ? link("dead-letters", queue.name) : link("queues", queue.name);
}

function stateOf(queue: { paused: boolean; automatic: boolean }) {
  if (queue.paused) return <Badge tone="off">paused</Badge>;
  return queue.automatic ? <Badge tone="plain">dead letters</Badge> : <Badge tone="good">open</Badge>;
}

function Depth(props: { queue: Queue }) {
  const { visible, in_flight, delayed, rewindable } = props.queue.messages;
  return (
    <div class="tiles">
      {(
        [
          ["Visible", visible],
          ["In flight", in_flight],
          ["Delayed", delayed],
          ["Can be rewound to", rewindable],
        ] as [string, number][]
      ).map(([name, value]) => (
        <div class="tile tile-main" key={name}>
          <span class="tile-name">{name}</span>
          <span class="tile-value">{count(value)}</span>
        </div>
      ))}
    </div>
  );
}

export function QueuePage(props: { name: string }) {
  const path = `/v1/queues/${segment(props.name)}`;
  const resource = `queue/${props.name}`;
  const answer = useAnswer(() => get<Queue>(path), [path], 2);
  const [clearing, setClearing] = useState(false);
  const queue = answer.value;
  if (queue === null) return <Waiting answer={answer} />;
  const pause = async () => {
    const words = queue.paused ? `${queue.name} is open again.` : `${queue.name} is paused.`;
    await act(() => ask("PATCH", path, { paused: !queue.paused }), words);
    answer.again();
  };
  const clear = async () => {
    setClearing(false);
    await act(() => ask("POST", `${path}/clear`), `${queue.name} is empty.`);
    answer.again();
  };
  return (
    <>
      <div class="tools">
        {stateOf(queue)}
        <span class="spring" />
        <Does acts={[`SetQueue:${resource}`]} onClick={pause}>
          {queue.paused ? "Open again" : "Pause"}
        </Does>
        <Does acts={[`ClearQueue:${resource}`]} class="danger" onClick={() => setClearing(true)}>
          Clear…
        </Does>
      </div>
      <Depth queue={queue} />
      <div class="columns">
        <Panel title="Set to">
          <Facts
            of={[
              ["Hidden after a receive", duration(queue.visibility)],
              ["Kept for", duration(queue.retention)],
              ["Rewind", queue.rewind === 0 ? "off" : duration(queue.rewind)],
              ["A receive waits", duration(queue.poll)],
              ["Largest message", bytes(queue.max_size)],
              ["Most messages", count(queue.max_messages)],
              ["Messages a second", queue.qps === 0 ? "as its account may" : `at most ${count(queue.qps)}`],
              ["Oldest message", queue.messages.oldest_at ? ago(queue.messages.oldest_at) : "–"],
              [
                "Dead letters",
                queue.dead_letter ? (
                  <a href={link("dead-letters", queue.dead_letter.queue)}>
                    {queue.dead_letter.queue}
                    {queue.dead_letter.max_receives
                      ? ` after ${queue.dead_letter.max_receives} receives`
                      : ` after ${duration(queue.dead_letter.time_to_live ?? 0)}`}
                  </a>
                ) : (
                  "nowhere"
                ),
              ],
            ]}
          />
        </Panel>
        <Send
          path={`${path}/messages`}
          act={`SendMessages:${resource}`}
          what="Send a message"
          done={answer.again}
        />
      </div>
      <Peek path={path} resource={resource} states={["visible", "in_flight", "delayed", "deleted"]} />
      {clearing && (
        <Confirm title={`Clear ${queue.name}?`} yes="Drop all messages" danger onYes={clear} onNo={() => setClearing(false)}>
          <p>
            {count(queue.messages.visible + queue.messages.in_flight + queue.messages.delayed)} messages go. Nobody
            gets them back.
          </p>
        </Confirm>
      )}
    </>
  );
}
