// A redrive or a replay under way: how far it is, and the handles to hold it.

import { ask, get, Job } from "../api";
import { count, duration } from "../format";
import { act, Badge, Panel, problemOf, Time, Tone, useAnswer } from "../parts";
import { Does } from "../rights";

const tones: Record<Job["state"], Tone> = { running: "wait", paused: "off", done: "good", cancelled: "off" };

// None was ever started: the server says that there is none.
async function jobAt(path: string): Promise<{ job: Job | null }> {
  try {
    return { job: await get<Job>(path) };
  } catch (failure) {
    if (problemOf(failure).status === 404) return { job: null };
    throw failure;
  }
}

// `turn` changes when one was started; `act` is what changing it is for rights.
export function JobPanel(props: { path: string; act: string; turn: number }) {
  const answer = useAnswer(() => jobAt(props.path), [props.path, props.turn], 1.5);
  const job = answer.value?.job;
  if (!job) return null;
  const change = async (action: string, words: string) => {
    await act(() => ask("PATCH", props.path, { action }), words);
    answer.again();
  };
  const going = job.state === "running" || job.state === "paused";
  const left = job.seconds_left === undefined || job.state !== "running" ? "" : `, ${duration(job.seconds_left)} left`;
  return (
    <Panel
      title={job.kind === "replay" ? "Replay" : "Redrive"}
      aside={
        <>
          <Badge tone={tones[job.state]}>{job.state}</Badge>
          {job.state === "running" && (
            <Does acts={[props.act]} onClick={() => change("pause", "It is held.")}>
              Hold
            </Does>
          )}
          {job.state === "paused" && (
            <Does acts={[props.act]} class="primary" onClick={() => change("resume", "It goes on.")}>
              Go on
            </Does>
          )}
          {going && (
            <Does acts={[props.act]} class="danger" onClick={() => change("cancel", "It is cancelled.")}>
              Cancel
            </Does>
          )}
        </>
      }
    >
      <progress max={Math.max(1, job.total)} value={going ? job.looked_at : job.total} aria-label="Looked at" />
      <p class="dim">
        {count(job.taken)} of {count(job.total)} sent on their way, {count(Math.round(job.per_second))} a second
        {job.rate !== undefined && ` of at most ${count(job.rate)}`}
        {left}
        {job.open !== undefined && `; ${count(job.open)} not answered yet`}
        {job.failed !== undefined && job.failed > 0 && `; ${count(job.failed)} failed`}
        {job.started_at && (
          <>
            ; begun <Time at={job.started_at} />
          </>
        )}
      </p>
    </Panel>
  );
}
