// Retained messages to one subscription once more.

import { useState } from "preact/hooks";

import { ask } from "../api";
import { count } from "../format";
import { act, Confirm, Panel } from "../parts";
import { useWhyNot, WhyNot } from "../rights";
import { JobPanel } from "./job";

const spans: [string, number][] = [
  ["the last 15 minutes", 15 * 60],
  ["the last hour", 3600],
  ["the last 6 hours", 6 * 3600],
  ["the last day", 86_400],
];

interface Wish {
  from: string;
  rate?: number;
  text?: string;
}

export function Replay(props: { path: string; name: string }) {
  const whyNot = useWhyNot([`ReplayMessages:subscription/${props.name}`]);
  const path = `${props.path}/replay`;
  const [span, setSpan] = useState(3600);
  const [rate, setRate] = useState("");
  const [text, setText] = useState("");
  const [asked, setAsked] = useState<{ wish: Wish; messages: number } | null>(null);
  const [turn, setTurn] = useState(0);
  const preview = async (event: Event) => {
    event.preventDefault();
    const wish: Wish = { from: new Date(Date.now() - span * 1000).toISOString() };
    if (rate !== "") wish.rate = Number(rate);
    if (text !== "") wish.text = text;
    await act(async () => {
      const told = await ask<{ messages: number }>("POST", path, { ...wish, preview: true });
      setAsked({ wish, messages: told.messages });
    }, "Counted.");
  };
  const start = async () => {
    const wish = asked?.wish;
    setAsked(null);
    await act(() => ask("POST", path, wish), "The replay has begun.");
    setTurn(turn + 1);
  };
  return (
    <>
      <JobPanel path={path} act={`ChangeJob:subscription/${props.name}`} turn={turn} />
      <Panel title="Replay">
        <WhyNot reason={whyNot} />
        {whyNot === "" && (
          <form class="fields" onSubmit={preview}>
            <label>
              What was published in
              <select value={String(span)} onChange={(event) => setSpan(Number((event.target as HTMLSelectElement).value))}>
                {spans.map(([name, seconds]) => (
                  <option value={String(seconds)} key={seconds}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
            <label>
              With this text
              <input value={text} onInput={(event) => setText((event.target as HTMLInputElement).value)} />
            </label>
            <label>
              At most a second
              <input
                type="number"
                min="1"
                max="100000"
                placeholder="as fast as they go"
                value={rate}
                onInput={(event) => setRate((event.target as HTMLInputElement).value)}
              />
            </label>
            <button>Count them…</button>
          </form>
        )}
      </Panel>
      {asked && (
        <Confirm
          title={`Replay ${count(asked.messages)} ${asked.messages === 1 ? "message" : "messages"}?`}
          yes="Replay"
          onYes={start}
          onNo={() => setAsked(null)}
        >
          <p>
            At most so many are delivered to {props.name} once more, with their old ids. No other subscription sees
            them.
          </p>
        </Confirm>
      )}
    </>
  );
}
