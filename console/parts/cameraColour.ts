// Colours that tell cameras apart on the timeline and in the counts; white text on them can be read.

const colours = ['#1d4ed8', '#b45309', '#047857', '#7e22ce', '#be123c', '#0e7490', '#4d7c0f', '#a21caf'];

/** @param index of the camera in the task */
export function cameraColour(index: number): string {
  return colours[index % colours.length]!;
}
