// One message, by hand.

import { useState } from "preact/hooks";

import { ask } from "../api";
import { link, notify, Panel, problemOf } from "../parts";
import { useWhyNot, WhyNot } from "../rights";

// `act` is what sending is for rights.
export function Send(props: { path: string; act: string; what: string; done: () => void; topic?: boolean }) {
  const whyNot = useWhyNot([props.act]);
  const [body, setBody] = useState('{"hello": "world"}');
  const [tag, setTag] = useState("");
  const [sent, setSent] = useState<string | null>(null);
  const send = async (event: Event) => {
    event.preventDefault();
    const message: Record<string, unknown> = { body };
    if (tag !== "") message.tags = [tag];
    try {
      const told = await ask<{ ids: string[] }>("POST", `${props.path}/batch`, { messages: [message] });
      setSent(told.ids[0]);
      props.done();
    } catch (failure) {
      const problem = problemOf(failure);
      const right = problem.status === 403 ? "This key may look but not send. " : "";
      notify(right + problem.detail, true);
    }
  };
  if (whyNot !== "") {
    return (
      <Panel title={props.what}>
        <WhyNot reason={whyNot} />
      </Panel>
    );
  }
  return (
    <Panel title={props.what}>
      <form class="send" onSubmit={send}>
        <label>
          Body
          <textarea rows={4} spellcheck={false} value={body} onInput={(event) => setBody((event.target as HTMLTextAreaElement).value)} />
        </label>
        {props.topic && (
          <label>
            Tag, if any
            <input value={tag} onInput={(event) => setTag((event.target as HTMLInputElement).value)} />
          </label>
        )}
        <div class="choices">
          {sent !== null && (
            <span class="dim">
              sent as{" "}
              <a class="mono" href={link("messages", sent)}>
                {sent}
              </a>
            </span>
          )}
          <button class="primary">Send</button>
        </div>
      </form>
    </Panel>
  );
}
