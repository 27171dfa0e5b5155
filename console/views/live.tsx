// All cameras with the people in them, now or at any moment before, and what was decided about them. console.tsx opens it.
import { useMemo } from 'preact/hooks';
import type { Model } from '../state.ts';
import type { Player } from '../player.ts';
import { usePlayer } from '../player.ts';
import { CameraTile } from '../parts/cameraTile.tsx';
import { Feed } from '../parts/feed.tsx';
import { clock, day } from '../words.ts';

export function LivePage({ model }: { model: Model }) {
  const task = model.task!;
  const isRunning = task.cameras.some(({ state }) => state !== 'ended' && state !== 'failed');
  const bounds = model.motion.bounds;
  const player = usePlayer(bounds, isRunning);
  const told = useMemo(() => latestByCamera(model, player.time), [model.changes, Math.floor(player.time)]);
  return (
    <div class="live">
      <div>
        <div class="cameras">
          {task.cameras.map((camera) => (
            <CameraTile
              key={camera.id}
              camera={camera}
              model={model}
              player={player}
              last={told.get(camera.id)}
            />
          ))}
        </div>
        {bounds ? (
          <Controls player={player} bounds={bounds} isRunning={isRunning} />
        ) : (
          <p>Nobody was seen yet.</p>
        )}
        {task.place === 'cluster' && (
          <p class="quiet">Pictures stay on the edge: here are boxes, as the tracklets tell them.</p>
        )}
      </div>
      <Feed model={model} time={player.time} isLive={player.isLive} />
    </div>
  );
}

function Controls(props: { player: Player; bounds: { from: number; to: number }; isRunning: boolean }) {
  const { player, bounds, isRunning } = props;
  const { time, isPlaying, isLive, rate } = player;
  return (
    <div class="controls" role="group" aria-label="Time">
      <button type="button" onClick={() => (isPlaying ? player.pause() : player.play())}>
        {isPlaying ? 'Pause' : 'Play'}
      </button>
      <input
        type="range"
        aria-label="Moment that is shown"
        min={bounds.from}
        max={bounds.to}
        step="0.1"
        value={time}
        aria-valuetext={`${day(time)}, ${clock(time)}`}
        onInput={(event) => player.seek(event.currentTarget.valueAsNumber)}
      />
      <output>{clock(time)}</output>
      <label>
        <span class="hidden">Speed</span>
        <select value={String(rate)} onChange={(event) => player.setRate(Number(event.currentTarget.value))}>
          {[0.5, 1, 2, 4, 8].map((each) => (
            <option key={each} value={String(each)}>{`${each}×`}</option>
          ))}
        </select>
      </label>
      {isRunning && (
        <button type="button" aria-pressed={isLive} onClick={() => player.follow()}>
          Follow
        </button>
      )}
    </div>
  );
}

/** What was last decided about each camera until `time`. */
function latestByCamera({ changes }: Model, time: number) {
  const latest = new Map<string, (typeof changes)[number]>();
  for (const change of changes) {
    if (change.time > time) continue;
    if (change.kind === 'assigned' || change.kind === 'sighted') latest.set(change.camera, change);
  }
  return latest;
}
