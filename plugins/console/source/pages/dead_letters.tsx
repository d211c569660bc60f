// Dead letters: grouped by what killed them, chosen, looked at, and sent on their way again.

import { useEffect, useRef, useState } from "preact/hooks";

import { ask, get, Letter, Page, segment, Subscription } from "../api";
import { curlOf } from "../curl";
import { ago, count } from "../format";
import { BriefQueue, useLive } from "../live";
import { act, Badge, Confirm, Copy, Empty, Facts, link, Panel, Search, Table, Time, useAnswer, Waiting } from "../parts";
import { Edit } from "./edit";
import { Does, letterQueue } from "../rights";
import { JobPanel } from "./job";
import { SideBySide } from "./message";

const lettersMax = 500; // of one look
const chosenMax = 1000; // of one redrive, as the server has it

function held(queue: BriefQueue): number {
  return queue.visible + queue.in_flight + queue.delayed;
}

function ownerOf(queue: string): string {
  return queue.endsWith(".dlq") ? queue.slice(0, -4).replace(".", "/") : queue;
}

export function DeadLettersPage() {
  const state = useLive();
  const [search, setSearch] = useState("");
  const [empty, setEmpty] = useState(false);
  const automatic = [...state.queues.values()].filter((queue) => queue.automatic);
  const rows = automatic
    .filter((queue) => (empty || held(queue) > 0) && ownerOf(queue.name).toLowerCase().includes(search.toLowerCase()))
    .sort((one, other) => held(other) - held(one) || one.name.localeCompare(other.name));
  return (
    <>
      <div class="tools">
        <Search value={search} onInput={setSearch} label="Find a subscription" />
        <label class="check">
          <input type="checkbox" checked={empty} onChange={() => setEmpty(!empty)} /> empty ones too
        </label>
      </div>
      {rows.length === 0 ? (
        <Empty title={state.told ? "No dead letters" : "Asking the server…"}>
          <p>What a subscription gives up on waits here, with the reason, for somebody to look and send it again.</p>
        </Empty>
      ) : (
        <Table<BriefQueue>
          caption="Dead-letter queues"
          rows={rows}
          id={(queue) => queue.name}
          columns={[
            { name: "Of", of: (queue) => <a href={link("dead-letters", queue.name)}>{ownerOf(queue.name)}</a> },
            { name: "Letters", right: true, of: (queue) => count(held(queue)) },
            { name: "Oldest", right: true, of: (queue) => (queue.oldest_at ? ago(queue.oldest_at) : "–") },
          ]}
        />
      )}
    </>
  );
}

function causeOf(letter: Letter): string {
  if (letter.last_status) return `status ${letter.last_status}`;
  return letter.reason?.replace(/_/g, " ") ?? "sent here directly";
}

function groups(letters: Letter[]): [string, number][] {
  const found = new Map<string, number>();
  for (const letter of letters) found.set(causeOf(letter), (found.get(causeOf(letter)) ?? 0) + 1);
  return [...found.entries()].sort((one, other) => other[1] - one[1]);
}

async function lettersOf(path: string, text: string): Promise<{ letters: Letter[]; more: boolean }> {
  const filter = text === "" ? "" : `&text=${encodeURIComponent(text)}`;
  const page = await get<Page<Letter>>(`${path}?limit=${lettersMax}${filter}`);
  return { letters: page.items, more: page.next_cursor !== undefined };
}

function bodyText(letter: Letter): string {
  if (letter.body === undefined) return letter.body_base64 ?? "";
  try {
    return JSON.stringify(JSON.parse(letter.body), null, 2);
  } catch {
    return letter.body;
  }
}

// The webhook it died at, if it was one.
async function urlOf(letter: Letter): Promise<string | undefined> {
  const [topic, name] = (letter.source ?? "").split("/");
  if (name === undefined) return undefined;
  const of = await get<Subscription>(`/v1/subscriptions/${segment(topic)}/${segment(name)}`);
  return of.http?.url;
}

function LetterView(props: { path: string; resource: string; letter: Letter; redrive: () => void; edit: () => void }) {
  const { letter } = props;
  const place = useRef<HTMLDivElement>(null);
  const { value: url } = useAnswer(() => urlOf(letter), [letter.id]);
  const whole = useAnswer(() => get<Letter>(`${props.path}/messages/${segment(letter.id)}`), [letter.id]);
  const history = whole.value?.history ?? [];
  useEffect(() => place.current?.scrollIntoView({ block: "nearest" }), [letter.id]);
  const facts: [string, string][] = [];
  if (letter.tags?.length) facts.push(["Tags", letter.tags.join(", ")]);
  if (letter.key) facts.push(["Routing key", letter.key]);
  if (letter.ordering_key) facts.push(["Ordering key", letter.ordering_key]);
  if (letter.content_type) facts.push(["Content type", letter.content_type]);
  return (
    <div class="letter" ref={place}>
    <Panel
      title={`Letter ${letter.id}`}
      aside={
        <>
          <a class="button" href={link("messages", letter.id)}>
            Track
          </a>
          <Copy text={() => letter.body ?? letter.body_base64 ?? ""}>Copy body</Copy>
          {url && <Copy text={() => curlOf(url, letter.id, letter.body)}>Copy as curl</Copy>}
          {letter.body !== undefined && (
            <Does acts={[`EditDeadLetter:${props.resource}`]} onClick={props.edit}>
              Edit…
            </Does>
          )}
          <Does acts={[`RedriveDeadLetters:${props.resource}`]} class="primary" onClick={props.redrive}>
            Redrive
          </Does>
        </>
      }
    >
      <div class="columns">
        <Facts
          of={[
            ["From", letter.source ?? "–"],
            ["Cause", causeOf(letter)],
            ["Attempts", String(letter.attempts)],
            ["Sent back before", letter.redrives ? count(letter.redrives) : "never"],
            ["Died", <Time at={letter.died_at} />],
            ["Sent", <Time at={letter.sent_at} />],
            ...facts,
          ]}
        />
        <div>
          {letter.excerpt && (
            <>
              <h3>Last answer</h3>
              <pre>{letter.excerpt}</pre>
            </>
          )}
          {letter.log && (
            <>
              <h3>What the function wrote</h3>
              <pre>{letter.log}</pre>
            </>
          )}
          <h3>{letter.body === undefined ? "Body, base64" : "Body"}</h3>
          <pre class="body">{bodyText(letter)}</pre>
        </div>
      </div>
      {history.length > 0 && (
        <>
          <h3>Attempts</h3>
          <SideBySide attempts={history} />
        </>
      )}
    </Panel>
    </div>
  );
}

function LetterTable(props: {
  letters: Letter[];
  chosen: Set<string>;
  choose: (ids: string[], on: boolean) => void;
  open: string | null;
  setOpen: (id: string | null) => void;
}) {
  const ids = props.letters.map((letter) => letter.id);
  const allChosen = ids.length > 0 && ids.every((id) => props.chosen.has(id));
  return (
    <>
      <label class="check choose-all">
        <input type="checkbox" checked={allChosen} onChange={() => props.choose(ids, !allChosen)} /> choose all shown
      </label>
      <Table<Letter>
        caption="Dead letters"
        rows={props.letters}
        id={(letter) => letter.id}
        columns={[
          {
            name: "Letter",
            of: (letter) => (
              <span class="pick">
                <input
                  type="checkbox"
                  aria-label={`Choose ${letter.id}`}
                  checked={props.chosen.has(letter.id)}
                  onChange={(event) => props.choose([letter.id], (event.target as HTMLInputElement).checked)}
                />
                <button
                  type="button"
                  class="link mono"
                  aria-expanded={props.open === letter.id}
                  onClick={() => props.setOpen(props.open === letter.id ? null : letter.id)}
                >
                  {letter.id}
                </button>
              </span>
            ),
          },
          { name: "Cause", of: (letter) => <Badge tone="bad">{causeOf(letter)}</Badge> },
          { name: "Attempts", right: true, of: (letter) => letter.attempts },
          { name: "Died", of: (letter) => <Time at={letter.died_at} /> },
          {
            name: "Body",
            of: (letter) => <span class="glimpse mono">{(letter.body ?? letter.body_base64 ?? "").slice(0, 80)}</span>,
          },
        ]}
      />
    </>
  );
}

export function DeadLetterQueuePage(props: { name: string }) {
  const path = `/v1/dead-letters/${segment(props.name)}`;
  const resource = letterQueue(props.name);
  const [text, setText] = useState("");
  const answer = useAnswer(() => lettersOf(path, text), [path, text], 3);
  const [cause, setCause] = useState<string | null>(null);
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const [open, setOpen] = useState<string | null>(null);
  const [editing, setEditing] = useState<string | null>(null);
  const [turn, setTurn] = useState(0);
  const [asked, setAsked] = useState<{ ids: string[] | null; messages: number } | null>(null);
  // While a new search is under way the letters of the one before stay.
  const last = useRef(answer.value);
  last.current = answer.value ?? last.current;
  if (last.current === null) return <Waiting answer={answer} />;
  const { letters, more } = last.current;
  const edited = letters.find((letter) => letter.id === editing);
  const shown = cause === null ? letters : letters.filter((letter) => causeOf(letter) === cause);
  const here = new Set(letters.map((letter) => letter.id));
  const picked = [...chosen].filter((id) => here.has(id)).slice(0, chosenMax);
  const opened = letters.find((letter) => letter.id === open);
  const choose = (ids: string[], on: boolean) => {
    const next = new Set(picked);
    for (const id of ids) {
      if (on) next.add(id);
      else next.delete(id);
    }
    setChosen(next);
  };
  // Those that are named, or all that the search means.
  const wishOf = (ids: string[] | null) => (ids !== null ? { messages: ids } : text === "" ? {} : { text });
  // Counted by the server before anything moves.
  const preview = async (ids: string[] | null) => {
    const body = { preview: true, ...wishOf(ids) };
    await act(async () => {
      const told = await ask<{ messages: number }>("POST", `${path}/redrive`, body);
      setAsked({ ids, messages: told.messages });
    }, "Counted.");
  };
  const redrive = async () => {
    const ids = asked?.ids ?? null;
    const messages = asked?.messages ?? 0;
    setAsked(null);
    const fine = await act(() => ask("POST", `${path}/redrive`, wishOf(ids)), `${count(messages)} on their way again.`);
    if (fine) {
      setChosen(new Set());
      setOpen(null);
    }
    setTurn(turn + 1);
    answer.again();
  };
  const closeEdit = (changed: boolean) => {
    setEditing(null);
    if (changed) answer.again();
  };
  return (
    <>
      <div class="tools">
        <div class="chips" role="group" aria-label="Cause">
          <button type="button" class="chip" aria-pressed={cause === null} onClick={() => setCause(null)}>
            all <small>{letters.length}</small>
          </button>
          {groups(letters).map(([name, size]) => (
            <button type="button" class="chip" aria-pressed={cause === name} onClick={() => setCause(name)} key={name}>
              {name} <small>{size}</small>
            </button>
          ))}
        </div>
        <Search value={text} onInput={setText} label="Text in the body" />
        <span class="spring" />
        <Does
          acts={[`RedriveDeadLetters:${resource}`]}
          disabled={picked.length === 0}
          onClick={() => preview(picked)}
        >
          Redrive chosen{picked.length > 0 ? ` (${picked.length})` : ""}
        </Does>
        <Does
          acts={[`RedriveDeadLetters:${resource}`]}
          class="primary"
          disabled={letters.length === 0}
          onClick={() => preview(null)}
        >
          {text === "" ? "Redrive all…" : "Redrive all with this text…"}
        </Does>
      </div>
      {more && <p class="note">The first {count(lettersMax)} are shown. Redrive all takes the others too.</p>}
      <JobPanel path={`${path}/redrive`} act={`ChangeJob:${resource}`} turn={turn} />
      {opened && (
        <LetterView
          path={path}
          resource={resource}
          letter={opened}
          redrive={() => preview([opened.id])}
          edit={() => setEditing(opened.id)}
        />
      )}
      {letters.length === 0 ? (
        <Empty title={text === "" ? "No dead letters" : "No dead letter has this text"}>
          <p>What {ownerOf(props.name)} gives up on comes up here.</p>
        </Empty>
      ) : (
        <LetterTable letters={shown} chosen={new Set(picked)} choose={choose} open={open} setOpen={setOpen} />
      )}
      {edited && <Edit path={path} letter={edited} done={closeEdit} />}
      {asked && (
        <Confirm
          title={`Redrive ${count(asked.messages)} ${asked.messages === 1 ? "letter" : "letters"}?`}
          yes="Redrive"
          onYes={redrive}
          onNo={() => setAsked(null)}
        >
          <p>They go back to where they came from and are delivered again, with a fresh retry schedule.</p>
        </Confirm>
      )}
    </>
  );
}
