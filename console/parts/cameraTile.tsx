// One camera of the live view: its picture where there is one, everybody in it, and how it is doing.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { CameraView } from '../../functions/console/types.ts';
import type { IdentityChange } from '../../config/events.ts';
import { api } from '../api.ts';
import type { Box } from '../motion.ts';
import type { Player } from '../player.ts';
import type { Model } from '../state.ts';
import { clock, count, personName, sayChange, sayState } from '../words.ts';
import { brightColourOf, colourOf } from './person.tsx';

interface TileProps {
  camera: CameraView;
  model: Model;
  player: Player;
  last: IdentityChange | undefined;
}

export function CameraTile({ camera, model, player, last }: TileProps) {
  const { id, state, fps, dropped = 0, message, masked, progress } = camera;
  const boxes = model.motion.at(id, player.time);
  const names = boxes.map((box) => ownerName(model, id, box));
  const description = boxes.length === 0 ? `${id}: nobody` : `${id}: ${names.join(', ')}`;
  const isBusy = state === 'connected' || state === 'reconnecting';
  return (
    <figure class="camera" aria-label={`Camera ${id}`}>
      <div class="view" style={{ aspectRatio: `${camera.width ?? 16} / ${camera.height ?? 9}` }}>
        <Backdrop camera={camera} player={player} />
        <Boxes camera={camera} boxes={boxes} model={model} description={description} />
      </div>
      <figcaption>
        <h2>{id}</h2>
        <span class={`pill ${state}`}>{sayState(state)}</span>
        <ul class="facts">
          <li>{count(boxes.length, 'person', 'people')} here</li>
          {isBusy && fps !== undefined && <li>{`${fps.toFixed(1)} pictures/s`}</li>}
          {isBusy && progress !== undefined && <li>{`${Math.round(progress * 100)} % done`}</li>}
          <li>{dropped === 0 ? 'none dropped' : `${dropped} dropped`}</li>
          {masked && <li>masked</li>}
        </ul>
        {message !== undefined && state !== 'ended' && <p class="problem">{message}</p>}
        <p class="quiet">
          {last ? `${clock(last.time)} ${sayChange(last, model.byIdentity)}` : 'nothing decided yet'}
        </p>
      </figcaption>
    </figure>
  );
}

/** The recording at this moment, else the fullest picture, else the empty plan. */
function Backdrop({ camera, player }: Pick<TileProps, 'camera' | 'player'>) {
  const [isBroken, setBroken] = useState(false);
  if (camera.recordingFrom !== undefined && !isBroken)
    return (
      <Recording id={camera.id} from={camera.recordingFrom} player={player} onError={() => setBroken(true)} />
    );
  if (camera.picture !== undefined)
    return <img class="still" src={api.pictureOf(camera.id, camera.picture)} alt="" draggable={false} />;
  return <div class="plan" />;
}

/** Further from the moment that is shown it is set anew, seconds. */
const driftS = 0.25;

function Recording(props: { id: string; from: number; player: Player; onError: () => void }) {
  const { id, from, player, onError } = props;
  const video = useRef<HTMLVideoElement>(null);
  const runs = player.isPlaying && !player.isLive;
  useEffect(() => {
    const element = video.current!;
    element.playbackRate = player.rate;
    if (runs) void element.play().catch(() => undefined);
    else element.pause();
  }, [runs, player.rate]);
  useEffect(() => {
    const element = video.current!;
    const at = Math.max(0, player.time - from);
    if (element.seeking || Math.abs(element.currentTime - at) < (runs ? driftS : 0.05)) return;
    element.currentTime = at;
  }, [player.time, from, runs]);
  return (
    <video
      ref={video}
      src={api.recordingOf(id)}
      muted
      playsInline
      preload="auto"
      tabIndex={-1}
      aria-hidden="true"
      onError={onError}
    />
  );
}

function Boxes(props: { camera: CameraView; boxes: Box[]; model: Model; description: string }) {
  const { camera, boxes, model, description } = props;
  const { width = 1600, height = 900 } = camera;
  const unit = height / 100;
  const marks = boxes.map((box) => {
    const owner = model.ownerOf.get(`${camera.id} ${box.track}`);
    const [left, top] = [box.left * width, box.top * height];
    return { box, owner, left, top, width: box.width * width, height: box.height * height };
  });
  return (
    <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={description}>
      {marks.map(({ box, owner, left: x, top: y, width: w, height: h }) => {
        const line = owner ? brightColourOf(owner.number) : '#cbd5e1';
        const dashes = owner ? undefined : '6 5';
        return (
          <g key={box.track}>
            <rect class="halo" x={x} y={y} width={w} height={h} rx={unit} />
            <rect
              class="box"
              x={x}
              y={y}
              width={w}
              height={h}
              rx={unit}
              stroke={line}
              stroke-dasharray={dashes}
            />
          </g>
        );
      })}
      {marks.map(({ box, owner, left, top }) => {
        const text = owner ? (owner.target ?? String(owner.number)) : '?';
        const [w, y] = [(text.length * 2.7 + 2.6) * unit, Math.max(0, top - 5 * unit)];
        const colour = owner ? colourOf(owner.number) : '#475569';
        return (
          <g key={box.track}>
            <rect x={left} y={y} width={w} height={5 * unit} rx={unit} fill={colour} />
            <text x={left + w / 2} y={y + 3.9 * unit} font-size={4.2 * unit} text-anchor="middle">
              {text}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

function ownerName(model: Model, camera: string, { track }: Box): string {
  const owner = model.ownerOf.get(`${camera} ${track}`);
  return owner ? personName(owner) : 'somebody not known yet';
}
