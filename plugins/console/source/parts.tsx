// What pages are built of.

import { ComponentChildren } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

import { Problem, Refused } from "./api";
import { ago, clock } from "./format";

// ---- the address: #/page/name -------------------------------------------------------------------

export function link(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

export function here(): string[] {
  const path = location.hash.replace(/^#\/?/, "");
  return path === "" ? [] : path.split("/").map(decodeURIComponent);
}

// ---- asking -------------------------------------------------------------------------------------

export interface Answer<T> {
  value: T | null;
  problem: Problem | null;
  again: () => void;
}

export function problemOf(failure: unknown): Problem {
  if (failure instanceof Refused) return failure.problem;
  return { title: "Defect", status: 0, code: "console", detail: String(failure) };
}

// Asks now, whenever `what` changes, and every `seconds` while the page is looked at.
export function useAnswer<T>(ask: () => Promise<T>, what: unknown[], seconds = 0): Answer<T> {
  const [value, setValue] = useState<T | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [turn, setTurn] = useState(0);
  const again = useCallback(() => setTurn((at) => at + 1), []);
  useEffect(() => {
    let current = true;
    let timer = 0;
    const look = async () => {
      try {
        if (!document.hidden || turn === 0) {
          const found = await ask();
          if (!current) return;
          setValue(found);
          setProblem(null);
        }
      } catch (failure) {
        if (!current) return;
        setProblem(problemOf(failure));
      }
      if (current && seconds > 0) timer = window.setTimeout(look, seconds * 1000);
    };
    void look();
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [...what, turn]);
  useEffect(() => setValue(null), what);
  return { value, problem, again };
}

// ---- messages to the user -----------------------------------------------------------------------

type Notice = { text: string; bad: boolean; number: number };
let notices: Notice[] = [];
let nextNotice = 1;
let showNotices: (all: Notice[]) => void = () => undefined;

export function notify(text: string, bad = false): void {
  const notice = { text, bad, number: nextNotice++ };
  notices = [...notices.slice(-2), notice];
  showNotices(notices);
  const end = () => {
    notices = notices.filter((one) => one.number !== notice.number);
    showNotices(notices);
  };
  window.setTimeout(end, bad ? 12_000 : 5_000);
}

export function Notices() {
  const [all, set] = useState<Notice[]>(notices);
  useEffect(() => {
    showNotices = set;
  }, []);
  return (
    <div class="notices" role="status" aria-live="polite">
      {all.map((one) => (
        <p class={one.bad ? "notice bad" : "notice"} key={one.number}>
          {one.text}
        </p>
      ))}
    </div>
  );
}

// Does something and says how it went. A key that may not write is told so.
export async function act(doing: () => Promise<unknown>, done: string): Promise<boolean> {
  try {
    await doing();
    notify(done);
    return true;
  } catch (failure) {
    const problem = problemOf(failure);
    const words =
      problem.status === 403
        ? `This key may look but not change that. ${problem.detail}`
        : `${problem.detail} ${problem.hint ?? ""}`;
    notify(words, true);
    return false;
  }
}

// ---- small parts --------------------------------------------------------------------------------

export type Tone = "good" | "bad" | "wait" | "off" | "plain";

export function Badge(props: { tone: Tone; children: ComponentChildren }) {
  return <span class={`badge badge-${props.tone}`}>{props.children}</span>;
}

export function toneOfStatus(status: string): Tone {
  if (status === "ok" || status === "accepted" || status === "delivered" || status === "done") return "good";
  if (status === "failed" || status === "dead" || status === "rejected") return "bad";
  if (status === "retry" || status === "waiting") return "wait";
  return "plain";
}

export function Time(props: { at?: string }) {
  if (props.at === undefined) return <span class="dim">–</span>;
  return (
    <time dateTime={props.at} title={props.at}>
      {clock(props.at)} <span class="dim">{ago(props.at)}</span>
    </time>
  );
}

export function Refusal(props: { problem: Problem; again?: () => void }) {
  return (
    <div class="refusal" role="alert">
      <p>
        <b>{props.problem.detail}</b>
      </p>
      {props.problem.hint && <p>{props.problem.hint}</p>}
      {props.again && (
        <button type="button" onClick={props.again}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Waiting(props: { answer: Answer<unknown> }) {
  if (props.answer.problem) return <Refusal problem={props.answer.problem} again={props.answer.again} />;
  return (
    <p class="loading" aria-busy="true">
      Asking the server…
    </p>
  );
}

export function Empty(props: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{props.title}</p>
      {props.children}
    </div>
  );
}

export function Panel(props: {
  title: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
  flush?: boolean;
}) {
  return (
    <section class={props.flush ? "panel flush" : "panel"} aria-label={props.title}>
      <header>
        <h2>{props.title}</h2>
        {props.aside && <div class="aside">{props.aside}</div>}
      </header>
      {props.children}
    </section>
  );
}

export function Facts(props: { of: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {props.of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Copy(props: { text: string | (() => string); children: ComponentChildren }) {
  const copy = async () => {
    const text = typeof props.text === "string" ? props.text : props.text();
    try {
      await navigator.clipboard.writeText(text);
      notify("Copied.");
    } catch {
      notify("The browser does not let the console copy: it does over HTTPS and on this machine only.", true);
    }
  };
  return (
    <button type="button" class="quiet" onClick={copy}>
      {props.children}
    </button>
  );
}

// A question before something that cannot be undone.
export function Confirm(props: {
  title: string;
  children: ComponentChildren;
  yes: string;
  danger?: boolean;
  onYes: () => void;
  onNo: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={props.onNo} aria-labelledby="question">
      <h2 id="question">{props.title}</h2>
      <div class="question">{props.children}</div>
      <div class="choices">
        <button type="button" onClick={() => dialog.current?.close()}>
          Cancel
        </button>
        <button type="button" class={props.danger ? "danger" : "primary"} onClick={props.onYes}>
          {props.yes}
        </button>
      </div>
    </dialog>
  );
}

// Finds by name; "/" puts the cursor here.
export function Search(props: { value: string; onInput: (text: string) => void; label: string }) {
  return (
    <input
      class="search"
      type="search"
      placeholder={props.label}
      aria-label={props.label}
      value={props.value}
      onInput={(event) => props.onInput((event.target as HTMLInputElement).value)}
    />
  );
}

export interface Column<T> {
  name: string;
  of: (row: T) => ComponentChildren;
  right?: boolean;
}

const rowsAtATime = 100;

// A table that becomes a list of cards where it is narrow.
export function Table<T>(props: {
  caption: string;
  columns: Column<T>[];
  rows: T[];
  id: (row: T) => string;
}) {
  const [shown, setShown] = useState(rowsAtATime);
  return (
    <div class="table">
      <table>
        <caption class="unseen">{props.caption}</caption>
        <thead>
          <tr>
            {props.columns.map((column) => (
              <th scope="col" class={column.right ? "right" : ""} key={column.name}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.slice(0, shown).map((row) => (
            <tr key={props.id(row)}>
              {props.columns.map((column) => (
                <td class={column.right ? "right" : ""} data-name={column.name} key={column.name}>
                  {column.of(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {props.rows.length > shown && (
        <p class="more">
          {shown} of {props.rows.length}{" "}
          <button type="button" onClick={() => setShown(shown + rowsAtATime)}>
            Show more
          </button>
        </p>
      )}
    </div>
  );
}
