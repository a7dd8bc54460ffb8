import './style.css';

import { render } from 'preact';

import { startAnnouncing } from './announce';
import { App } from './app';
import { start } from './live';

start();
startAnnouncing();
const root = document.getElementById('app');
if (root) render(<App />, root);
