// The browser's entry: puts the console into the page. index.html loads what image/consoleBundle.ts makes of it.
import { h, render } from 'preact';
import { Console } from './console.tsx';

render(h(Console, {}), document.getElementById('app')!);
