// A dead letter sent back changed, under a new id that names the old one.

import { useEffect, useRef, useState } from "preact/hooks";

import { ask, Letter, segment } from "../api";
import { act } from "../parts";

// `path` is that of the dead-letter queue.
export function Edit(props: { path: string; letter: Letter; done: (changed: boolean) => void }) {
  const { letter } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const [body, setBody] = useState(letter.body ?? "");
  const [tags, setTags] = useState((letter.tags ?? []).join(", "));
  useEffect(() => dialog.current?.showModal(), []);
  const send = async (event: Event) => {
    event.preventDefault();
    const changes: Record<string, unknown> = {};
    if (body !== letter.body) changes.body = body;
    const list = tags.split(",").map((tag) => tag.trim()).filter((tag) => tag !== "");
    if (list.join() !== (letter.tags ?? []).join()) changes.tags = list;
    const path = `${props.path}/messages/${segment(letter.id)}/edit`;
    const fine = await act(() => ask("POST", path, changes), "Sent back, changed, under a new id.");
    if (fine) props.done(true);
  };
  return (
    <dialog ref={dialog} class="wide" onClose={() => props.done(false)} aria-labelledby="editing">
      <h2 id="editing">Edit and redrive {letter.id}</h2>
      <form class="send question" onSubmit={send}>
        <label>
          Body
          <textarea
            rows={12}
            spellcheck={false}
            value={body}
            onInput={(event) => setBody((event.target as HTMLTextAreaElement).value)}
          />
        </label>
        <label>
          Tags, with commas between
          <input value={tags} onInput={(event) => setTags((event.target as HTMLInputElement).value)} />
        </label>
        <div class="choices">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button class="primary">Redrive as edited</button>
        </div>
      </form>
    </dialog>
  );
}
