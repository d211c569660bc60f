// Messages as they lie there: nothing is received, delivered or counted.

import { useState } from "preact/hooks";

import { ask, get, Page, PeekedMessage } from "../api";
import { act, Badge, Column, Empty, link, Panel, Search, Table, Time, Tone, useAnswer, Waiting } from "../parts";
import { Does } from "../rights";

const shownMax = 50;

const tones: Record<string, Tone> = { visible: "good", in_flight: "wait", moving: "wait", delayed: "wait", damaged: "bad" };

export function bodyOf(message: { body?: string; body_base64?: string }): string {
  return message.body ?? message.body_base64 ?? "";
}

// `path` is that of the queue or topic, `resource` its name for rights.
export function Peek(props: { path: string; resource: string; states: string[] }) {
  const [state, setState] = useState(props.states[0]);
  const [text, setText] = useState("");
  const query = `state=${state}&limit=${shownMax}${text === "" ? "" : `&text=${encodeURIComponent(text)}`}`;
  const answer = useAnswer(() => get<Page<PeekedMessage>>(`${props.path}/messages?${query}`), [query], 3);
  const take = async (message: PeekedMessage) => {
    await act(() => ask("DELETE", `${props.path}/delayed/${message.id}`), `${message.id} is taken back.`);
    answer.again();
  };
  const columns: Column<PeekedMessage>[] = [
    {
      name: "Message",
      of: (message) => (
        <a class="mono" href={link("messages", message.id)}>
          {message.id}
        </a>
      ),
    },
    { name: "State", of: (message) => <Badge tone={tones[message.state] ?? "plain"}>{message.state.replace("_", " ")}</Badge> },
    { name: "Sent", of: (message) => <Time at={message.sent_at} /> },
    { name: "Body", of: (message) => <span class="glimpse mono">{bodyOf(message).slice(0, 120)}</span> },
  ];
  if (state === "delayed") {
    columns.splice(3, 0, { name: "Due", of: (message) => <Time at={message.due_at} /> });
    columns.push({
      name: "Take back",
      of: (message) => (
        <Does acts={[`ChangeDelayed:${props.resource}`]} class="link" onClick={() => take(message)}>
          Take back
        </Does>
      ),
    });
  }
  return (
    <Panel title="Messages" flush>
      <div class="tools inside">
        <div class="chips" role="group" aria-label="State of messages">
          {props.states.map((one) => (
            <button type="button" class="chip" aria-pressed={state === one} onClick={() => setState(one)} key={one}>
              {one.replace("_", " ")}
            </button>
          ))}
        </div>
        <Search value={text} onInput={setText} label="Text in the body" />
      </div>
      {answer.value === null ? (
        <Waiting answer={answer} />
      ) : answer.value.items.length === 0 ? (
        <Empty title={`None ${text === "" ? "is" : "with this text is"} ${state.replace("_", " ")}`} />
      ) : (
        <Table caption="Messages" rows={answer.value.items} columns={columns} id={(message) => message.position} />
      )}
      {answer.value?.next_cursor && <p class="note">The first {shownMax} are shown.</p>}
    </Panel>
  );
}
