// Functions: subscriptions that run code. Their source, versions and what they write.

import { useEffect, useRef, useState } from "preact/hooks";

import { all, ask, fullName, functionKinds, get, kindOf, LogLine, Page, Script, segment, Subscription, targetOf } from "../api";
import { bytes, clock, count } from "../format";
import { act, Badge, Confirm, Copy, Empty, link, Panel, problemOf, Table, Time, useAnswer, Waiting } from "../parts";
import { asRoot, Does } from "../rights";
import { StateBadge } from "./subscriptions";

export function isFunction(one: Subscription): boolean {
  const kind = kindOf(one);
  return (functionKinds as readonly string[]).includes(kind) || !!one.filter_lua || !!one.transform_lua;
}

export async function functions(): Promise<Subscription[]> {
  return (await all<Subscription>("/v1/subscriptions", 2000)).filter(isFunction);
}

export function FunctionsPage() {
  const answer = useAnswer(functions, [], 5);
  if (answer.value === null) return <Waiting answer={answer} />;
  return (
    <>
      {answer.value.length === 0 ? (
        <Empty title="No function runs here">
          <p>penstock sub add TOPIC NAME --lua FILE</p>
        </Empty>
      ) : (
        <Table<Subscription>
          caption="Functions"
          rows={answer.value}
          id={fullName}
          columns={[
            { name: "Function", of: (one) => <a href={link("functions", one.topic, one.name)}>{fullName(one)}</a> },
            { name: "Kind", of: (one) => kindOf(one).replace("_", " ") },
            { name: "Runs", of: (one) => <span class="mono glimpse">{targetOf(one)}</span> },
            { name: "State", of: (one) => <StateBadge of={one} /> },
            { name: "Not done", right: true, of: (one) => count(one.backlog) },
          ]}
        />
      )}
      <Logs />
    </>
  );
}

const linesMax = 500;

function useLogs(subscription: string | undefined): { lines: LogLine[]; problem: string | null } {
  const [lines, setLines] = useState<LogLine[]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let current = true;
    let timer = 0;
    let after = 0;
    const only = subscription === undefined ? "" : `&subscription=${encodeURIComponent(subscription)}`;
    const look = async () => {
      try {
        const page = await get<{ items: LogLine[]; last: number }>(`/v1/functions/logs?limit=500&after=${after}${only}`);
        if (!current) return;
        after = page.last;
        if (page.items.length > 0) setLines((known) => [...known, ...page.items].slice(-linesMax));
        setProblem(null);
      } catch (failure) {
        if (current) setProblem(problemOf(failure).detail);
      }
      if (current) timer = window.setTimeout(look, 1500);
    };
    setLines([]);
    void look();
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [subscription]);
  return { lines, problem };
}

export function Logs(props: { subscription?: string }) {
  const { lines, problem } = useLogs(props.subscription);
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useEffect(() => {
    if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  const scrolled = () => {
    const it = box.current;
    if (it) atEnd.current = it.scrollTop + it.clientHeight >= it.scrollHeight - 20;
  };
  return (
    <Panel title="Logs" flush>
      {problem && <p class="note">{problem}</p>}
      {lines.length === 0 ? (
        <Empty title="Nothing was written yet" />
      ) : (
        <div class="log" ref={box} onScroll={scrolled} tabIndex={0} role="log" aria-label="Logs">
          {lines.map((line) => (
            <p class={`level-${line.level}`} key={line.number}>
              <time dateTime={line.at}>{clock(line.at)}</time>
              {!props.subscription && line.subscription && <b>{line.subscription}</b>}
              <span class="log-text">{line.text}</span>
              {line.message && <a href={link("messages", line.message)}>message</a>}
            </p>
          ))}
        </div>
      )}
    </Panel>
  );
}

function Source(props: { script: Script }) {
  const lines = (props.script.code ?? "").replace(/\n$/, "").split("\n");
  return (
    <div class="source" tabIndex={0} role="region" aria-label="Source">
      <ol>
        {lines.map((line, at) => (
          <li key={at}>
            <code>{line || " "}</code>
          </li>
        ))}
      </ol>
    </div>
  );
}

function Scripts(props: { path: string; resource: string; scripts: Script[]; again: () => void }) {
  const inUse = props.scripts.find((script) => script.in_use) ?? props.scripts[0];
  const [picked, setPicked] = useState<string | null>(null);
  const [asked, setAsked] = useState<Script | null>(null);
  const nameOf = (script: Script) => `${script.role} ${script.version}`;
  const shown = props.scripts.find((script) => nameOf(script) === picked) ?? inUse;
  const activate = async () => {
    const script = asked;
    setAsked(null);
    if (script === null) return;
    const body = { role: script.role, version: script.version };
    await act(() => ask("POST", `${props.path}/scripts/activate`, body), `Version ${script.version} is in use.`);
    props.again();
  };
  return (
    <Panel
      title="Source"
      aside={
        <>
          <Copy text={() => shown.code ?? ""}>Copy</Copy>
          {!shown.in_use && (
            <Does acts={[asRoot, `ActivateScript:${props.resource}`]} class="primary" onClick={() => setAsked(shown)}>
              Use version {shown.version}…
            </Does>
          )}
        </>
      }
      flush
    >
      <div class="chips versions" role="group" aria-label="Version">
        {props.scripts.map((script) => (
          <button
            type="button"
            class="chip"
            aria-pressed={script === shown}
            onClick={() => setPicked(nameOf(script))}
            key={nameOf(script)}
          >
            {nameOf(script)} {script.in_use && <small>in use</small>}
          </button>
        ))}
      </div>
      <p class="note">
        {shown.file && <span class="mono">{shown.file} </span>}
        {bytes(shown.size)}, deployed <Time at={shown.deployed_at} />
        {shown.note && ` – ${shown.note}`}
      </p>
      <Source script={shown} />
      {asked && (
        <Confirm title={`Use version ${asked.version}?`} yes="Use it" onYes={activate} onNo={() => setAsked(null)}>
          <p>The {asked.role} of the next message is this version. The one in use now is kept.</p>
        </Confirm>
      )}
    </Panel>
  );
}

export function FunctionPage(props: { topic: string; name: string }) {
  const path = `/v1/subscriptions/${segment(props.topic)}/${segment(props.name)}`;
  const answer = useAnswer(() => get<Subscription>(path), [path], 5);
  const scripts = useAnswer(() => get<Page<Script>>(`${path}/scripts?code=true`), [path]);
  if (answer.value === null) return <Waiting answer={answer} />;
  const one = answer.value;
  return (
    <>
      <div class="tools">
        <StateBadge of={one} />
        <Badge tone="plain">{kindOf(one).replace("_", " ")}</Badge>
        <span class="mono target">{targetOf(one)}</span>
        <span class="spring" />
        <a class="button" href={link("subscriptions", one.topic, one.name)}>
          Subscription
        </a>
      </div>
      {scripts.value !== null && scripts.value.items.length > 0 && (
        <Scripts
          path={path}
          resource={`subscription/${fullName(one)}`}
          scripts={scripts.value.items}
          again={scripts.again}
        />
      )}
      <Logs subscription={fullName(one)} />
    </>
  );
}
