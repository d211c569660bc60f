// Topics and who listens to them.

import { useState } from "preact/hooks";

import { all, get, segment, Subscription, Topic } from "../api";
import { bytes, count, duration } from "../format";
import { BriefTopic, useLive } from "../live";
import { Empty, Facts, link, Panel, Search, Table, Time, useAnswer, Waiting } from "../parts";
import { Peek } from "./peek";
import { Send } from "./send";
import { SubscriptionTable } from "./subscriptions";

export function TopicsPage() {
  const state = useLive();
  const [search, setSearch] = useState("");
  const rows = [...state.topics.values()]
    .filter((topic) => topic.name.toLowerCase().includes(search.toLowerCase()))
    .sort((one, other) => one.name.localeCompare(other.name));
  return (
    <>
      <div class="tools">
        <Search value={search} onInput={setSearch} label="Find a topic" />
      </div>
      {rows.length === 0 ? (
        <Empty title={!state.told ? "Asking the server…" : search === "" ? "There is no topic yet" : "No topic is called that"}>
          {state.told && search === "" && <p>penstock topic create NAME</p>}
        </Empty>
      ) : (
        <Table<BriefTopic>
          caption="Topics"
          rows={rows}
          id={(topic) => topic.name}
          columns={[
            { name: "Topic", of: (topic) => <a href={link("topics", topic.name)}>{topic.name}</a> },
            { name: "Kept messages", right: true, of: (topic) => count(topic.messages) },
            { name: "Subscriptions", right: true, of: (topic) => count(topic.subscriptions) },
          ]}
        />
      )}
    </>
  );
}

export function TopicPage(props: { name: string }) {
  const path = `/v1/topics/${segment(props.name)}`;
  const answer = useAnswer(() => get<Topic>(path), [path], 3);
  const listeners = useAnswer(() => all<Subscription>(`${path}/subscriptions`), [path], 5);
  const topic = answer.value;
  if (topic === null) return <Waiting answer={answer} />;
  return (
    <>
      <Panel title="Subscriptions" flush>
        {listeners.value === null ? (
          <Waiting answer={listeners} />
        ) : listeners.value.length === 0 ? (
          <Empty title="Nobody listens">
            <p>penstock sub add {topic.name} NAME --http URL</p>
          </Empty>
        ) : (
          <SubscriptionTable rows={listeners.value} />
        )}
      </Panel>
      <div class="columns">
        <Panel title="Set to">
          <Facts
            of={[
              ["Subscriptions match", topic.match === "tags" ? "tags" : "the routing key"],
              ["Delivered messages stay", duration(topic.retention)],
              ["Kept messages", count(topic.messages)],
              ["Largest message", bytes(topic.max_size)],
              ["Messages a second", topic.qps === 0 ? "as its account may" : `at most ${count(topic.qps)}`],
              ["Made", <Time at={topic.created_at} />],
            ]}
          />
        </Panel>
        <Send
          path={`${path}/messages`}
          act={`PublishMessages:topic/${topic.name}`}
          what="Publish a message"
          done={answer.again}
          topic={topic.match === "tags"}
        />
      </div>
      <Peek path={path} resource={`topic/${topic.name}`} states={["retained", "delayed"]} />
    </>
  );
}
